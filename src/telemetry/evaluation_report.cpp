#include "telemetry/evaluation_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/hash.h"

namespace gm {
namespace {

void add_provenance(const Provenance& provenance, nlohmann::ordered_json& json) {
  for (const auto& [name, value] : provenance) {
    std::visit([&](const auto& held) { json[name] = held; }, value);
  }
}

}  // namespace

std::optional<double> find_figure(const Figures& figures, const std::string& name) {
  const auto found = std::ranges::find(figures, name, &std::pair<std::string, double>::first);
  return found == figures.end() ? std::nullopt : std::optional(found->second);
}

nlohmann::ordered_json evaluation_json(const EvaluationReport& report) {
  nlohmann::ordered_json json{{"evaluation", report.name}, {"samples", report.samples}};
  add_provenance(report.provenance, json);
  return json;
}

nlohmann::ordered_json method_json(const EvaluationReport& report) {
  auto json = nlohmann::ordered_json::object();
  add_provenance(report.weights, json);
  add_provenance(report.sampling, json);
  return json;
}

nlohmann::ordered_json comparable_json(const EvaluationReport& report) {
  nlohmann::ordered_json json = evaluation_json(report);
  add_provenance(report.sampling, json);
  return json;
}

std::string provenance_hash(const EvaluationReport& report) {
  return Hash().add(comparable_json(report).dump()).hex();
}

}  // namespace gm
