#include "run/sample_settings.h"

#include <fmt/ranges.h>

#include <set>
#include <variant>
#include <vector>

#include "base/bounded_json.h"
#include "base/error.h"
#include "run/provenance.h"

namespace gm {
namespace {

using Json = nlohmann::json;

constexpr const char* kRunName = "run";

/// The names that are in either object.
std::set<std::string> names_in(const Json& one, const Json& other) {
  std::set<std::string> names;
  for (const Json& object : {one, other}) {
    for (const auto& [name, value] : object.items()) names.insert(name);
  }
  return names;
}

std::string text_of(const Json& settings, const std::string& name) {
  return settings.contains(name) ? settings[name].dump() : "not given";
}

}  // namespace

SampleSettings::SampleSettings(const LoadedRun& run, const SampleSeries& series) {
  add(kRunName, run.name);
  add("step", run.step);
  add("weights_hash", run.weights_hash);
  add("seed", series.seed);
  if (series.toward) {
    add("interpolate", *series.toward);
    add("row_length", columns_of(series));
  }
  add_section(run.config, "diffusion");
  add_section(run.config, "sampler");
}

void SampleSettings::add_inpainting(const RunConfig& config, const InpaintInput& input) {
  add_section(config, "mask");
  settings_.erase("mask.path");  // masks_hash has the masks
  add_section(config, "repaint");
  add("images_hash", input.masked.images_hash());
  add("masks_hash", input.masked.masks_hash());
  add("masks_are_paired", input.masks_are_paired);
}

void SampleSettings::add_section(const RunConfig& config, const std::string& section) {
  for (const auto& [name, value] : keys_of(config, section)) {
    std::visit([&](const auto& held) { add(name, held); }, value);
  }
}

std::string SampleSettings::text() const {
  return settings_.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

void SampleSettings::require_same(const std::string& stored, const std::string& where) const {
  const Json theirs = parse_bounded_object(stored, /*max_depth=*/2);
  if (!theirs.is_object()) {
    throw InputError(
        "{}: does not say how its samples were made; remove it, or name another output", where);
  }
  const Json ours = parse_bounded_object(text(), /*max_depth=*/2);
  std::vector<std::string> differences;
  for (const std::string& name : names_in(theirs, ours)) {
    if (name == kRunName || text_of(theirs, name) == text_of(ours, name)) continue;
    differences.push_back(
        fmt::format("{} is {} there and {} now", name, text_of(theirs, name), text_of(ours, name)));
  }
  if (differences.empty()) return;
  throw InputError("{}: has samples of other settings ({}); remove it, or name another output",
                   where, fmt::join(differences, ", "));
}

}  // namespace gm
