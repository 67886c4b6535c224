#include "config/run_identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "config/renames.h"
#include "config/schema.h"
#include "config/task_kinds.h"

namespace gm {
namespace {

/// Keys, or whole sections, that change where or how a run is computed, but not what it computes.
/// All others are part of its identity. The identity covers the processing of the data, but not the
/// images or mask files.
constexpr std::array<std::string_view, 16> kNotIdentity{
    "run.dir",     "run.device", "data.path",     "data.prefetch",
    "data.cache",  "mask.path",  "train.reducer", "train.verify_ranks_every",
    "checkpoint.", "sample.",    "evaluate.",     "sampler.",
    "repaint.",    "telemetry.", "profile.",      "watchdog.",
};

bool has_section(const TaskKind& kind, const std::string& section) {
  return std::ranges::find(kind.sections, section) != kind.sections.end();
}

/// Whether the task of a run uses the key. Keys of other tasks are not part of its identity.
bool is_read(const RunConfig& config, const std::string& key) {
  const std::string section = key.substr(0, key.find('.'));
  if (section == "mask") return config.uses_masks();
  const bool is_of_some = std::ranges::any_of(
      task_kinds(), [&](const TaskKind& kind) { return has_section(kind, section); });
  return !is_of_some || reads(config, section);
}

bool is_identity(const RunConfig& config, const std::string& key) {
  if (!is_read(config, key)) return false;
  // A longer run begins like the shorter one, unless the learning rate depends on the last step.
  if (key == "train.steps") return config.optimizer.schedule != LearningRateSchedule::kConstant;
  return std::ranges::none_of(kNotIdentity, [&](std::string_view entry) {
    return entry.ends_with('.') ? key.starts_with(entry) : key == entry;
  });
}

/// A key of a run's identity, and its values in two configurations.
struct Difference {
  std::string key, theirs, ours;
};

std::vector<Difference> differences(RunConfig theirs, RunConfig ours) {
  const Schema their_schema(theirs), our_schema(ours);
  std::vector<Difference> result;
  for (size_t i = 0; i < our_schema.keys().size(); ++i) {
    const Key& key = our_schema.keys()[i];
    Difference difference{.key = key.name(),
                          .theirs = to_text(their_schema.keys()[i].value()),
                          .ours = to_text(key.value())};
    if (is_identity(ours, key.name()) && difference.theirs != difference.ours) {
      result.push_back(std::move(difference));
    }
  }
  return result;
}

/// A key of identity version 1 and its default in that version, as TOML.
struct Version1Key {
  std::string_view name, value;
};

/// Frozen: after a change here no older checkpoint can be resumed.
constexpr std::array kVersion1{
    Version1Key{"run.task", "\"ddpm\""},
    Version1Key{"run.seed", "0"},
    Version1Key{"data.classes", "\"all\""},
    Version1Key{"data.image_size", "32"},
    Version1Key{"data.fit", "\"crop\""},
    Version1Key{"data.holdout", "0.0"},
    Version1Key{"data.shards", "8"},
    Version1Key{"data.flip", "true"},
    Version1Key{"data.resize_crop", "1.12"},
    Version1Key{"mask.kind", "\"strokes\""},
    Version1Key{"mask.coverage_min", "0.1"},
    Version1Key{"mask.coverage_max", "0.5"},
    Version1Key{"gan.loss", "\"reference\""},
    Version1Key{"gan.lambda", "100.0"},
    Version1Key{"gan.l1", "0.0"},
    Version1Key{"gan.feature_matching", "0.0"},
    Version1Key{"gan.r1", "0.0"},
    Version1Key{"gan.r1_every", "16"},
    Version1Key{"gan.dim", "32"},
    Version1Key{"gan.patch", "true"},
    Version1Key{"gan.spectral_norm", "true"},
    Version1Key{"gan.discriminator_rate", "1.0"},
    Version1Key{"model.kind", "\"unet\""},
    Version1Key{"model.dim", "16"},
    Version1Key{"model.dim_mults", "[1, 2, 4, 8]"},
    Version1Key{"model.weights", "\"\""},
    Version1Key{"diffusion.steps", "50"},
    Version1Key{"diffusion.schedule", "\"cosine\""},
    Version1Key{"diffusion.clamp", "true"},
    Version1Key{"diffusion.condition", "\"none\""},
    Version1Key{"train.steps", "10000"},
    Version1Key{"train.batch_size", "32"},
    Version1Key{"train.accumulate", "2"},
    Version1Key{"train.precision", "\"float32\""},
    Version1Key{"train.max_nonfinite", "10"},
    Version1Key{"optimizer.learning_rate", "0.001"},
    Version1Key{"optimizer.beta1", "0.9"},
    Version1Key{"optimizer.beta2", "0.999"},
    Version1Key{"optimizer.epsilon", "1e-08"},
    Version1Key{"optimizer.warmup_steps", "0"},
    Version1Key{"optimizer.schedule", "\"constant\""},
    Version1Key{"optimizer.clip_norm", "0.0"},
    Version1Key{"ema.half_life_images", "20000.0"},
    Version1Key{"ema.ramp", "0.05"},
};

}  // namespace

void require_same_run(const RunConfig& theirs, const RunConfig& ours) {
  std::string text;
  for (const Difference& difference : differences(theirs, ours)) {
    text += fmt::format("{}{} is {} in the run, {} now", text.empty() ? "" : "; ", difference.key,
                        difference.theirs, difference.ours);
    if (difference.key == "train.steps") {
      text += " (the learning rate falls towards the last step, as optimizer.schedule is cosine)";
    }
  }
  if (text.empty()) return;
  throw InputError(
      "{}: the run cannot resume with another configuration: {}; give the run's own values, or "
      "another run.dir",
      ours.run.dir, text);
}

std::string config_hash(const RunConfig& config) {
  if (config.data.shards == 0) throw Error("data.shards must be chosen before a run is identified");
  RunConfig ours = config, defaults;
  const Schema schema(ours), default_schema(defaults);
  std::map<std::string_view, std::string> version1, newer;  // what differs from the defaults
  for (size_t i = 0; i < schema.keys().size(); ++i) {
    const std::string& name = schema.keys()[i].name();
    if (!is_identity(config, name)) continue;
    const std::string value = to_text(schema.keys()[i].value());
    const auto* const known = std::ranges::find(kVersion1, original_name(name), &Version1Key::name);
    if (known == kVersion1.end()) {
      if (value != to_text(default_schema.keys()[i].value())) newer[name] = value;
    } else if (const std::string first = original_value(name, value); first != known->value) {
      version1[known->name] = first;
    }
  }
  Hash hash;
  for (const Version1Key& key : kVersion1) {  // in the order of that version
    if (const auto found = version1.find(key.name); found != version1.end())
      hash.add(fmt::format("{}={}\n", key.name, found->second));
  }
  for (const auto& [name, value] : newer) hash.add(fmt::format("{}={}\n", name, value));
  return hash.hex();
}

}  // namespace gm
