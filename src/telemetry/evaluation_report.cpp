#include "telemetry/evaluation_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/hash.h"

namespace gm {

std::optional<double> find_figure(const Figures& figures, const std::string& name) {
  const auto found = std::ranges::find(figures, name, &std::pair<std::string, double>::first);
  return found == figures.end() ? std::nullopt : std::optional(found->second);
}

nlohmann::ordered_json provenance_json(const EvaluationReport& report) {
  nlohmann::ordered_json json{{"evaluation", report.name}, {"samples", report.samples}};
  for (const auto& [name, value] : report.provenance) {
    std::visit([&](const auto& held) { json[name] = held; }, value);
  }
  return json;
}

std::string provenance_hash(const EvaluationReport& report) {
  return Hash().add(provenance_json(report).dump()).hex();
}

}  // namespace gm
