#include "run/provenance.h"

#include <algorithm>
#include <iterator>
#include <type_traits>
#include <variant>

#include "base/enum_names.h"
#include "config/schema.h"
#include "config/task_kinds.h"

namespace gm {
namespace {

Provenance::value_type::second_type plain_value(const Value& value) {
  return std::visit(
      [&](const auto& content) -> Provenance::value_type::second_type {
        using Content = std::decay_t<decltype(content)>;
        if constexpr (std::is_same_v<Content, bool> || std::is_same_v<Content, ValueArray>) {
          return to_text(value);
        } else {
          return content;
        }
      },
      value.content);
}

/// With the number of steps that it takes.
Provenance keys_of_sampler(RunConfig config) {
  if (config.sampler.steps == 0) config.sampler.steps = config.diffusion.steps;
  return keys_of(config, "sampler");
}

}  // namespace

Provenance keys_of(RunConfig config, const std::string& section) {
  Provenance keys;
  for (const Key& key : Schema(config).keys()) {
    if (key.name().starts_with(section + ".")) {
      keys.emplace_back(key.name(), plain_value(key.value()));
    }
  }
  return keys;
}

Method method_of(Task& task, const RunConfig& config) {
  Method method = method_of(task);
  if (reads(config, "sampler")) method.sampling = method.inpainting = keys_of_sampler(config);
  const bool is_trained_on_masks = task_kind(config).uses_masks(config);
  if (reads(config, "repaint") && !is_trained_on_masks) {
    std::ranges::copy(keys_of(config, "repaint"), std::back_inserter(method.inpainting));
  }
  return method;
}

Method method_of(const LoadedRun& run) {
  Method method = method_of(*run.task, run.config);
  method.name = run.name;
  method.classes = run.class_names;
  method.weights = {
      {"step", run.step}, {"weights", name_of(run.weights)}, {"weights_hash", run.weights_hash}};
  return method;
}

}  // namespace gm
