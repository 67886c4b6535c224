#include "config/run_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "config/schema.h"
#include "config/toml.h"

namespace gm {
namespace {

/// Keys, or whole sections, that change where or how a run is computed, but not what. All others
/// are part of its identity. Of the data it knows the treatment, not the pictures or mask files.
constexpr std::array<std::string_view, 15> kNotIdentity{
    "run.dir",     "run.device", "data.path",     "data.prefetch",
    "data.cache",  "mask.path",  "train.reducer", "train.verify_ranks_every",
    "checkpoint.", "sample.",    "evaluate.",     "repaint.",
    "telemetry.",  "profile.",   "watchdog.",
};

/// Whether the task of a run looks at the key: the others' keys are no part of its identity.
bool is_read(const RunConfig& config, const std::string& key) {
  if (key.starts_with("diffusion.")) return config.run.task == "ddpm";
  if (key.starts_with("gan.")) return config.run.task == "gan_inpaint";
  if (key.starts_with("mask.")) return config.trains_on_holes();
  return true;
}

bool is_identity(const RunConfig& config, const std::string& key) {
  if (!is_read(config, key)) return false;
  // A longer run goes on as the shorter one, unless the end shapes the learning rate.
  if (key == "train.steps") return config.optimizer.schedule != "constant";
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

std::string section_of(const Key& key) { return key.name().substr(0, key.name().find('.')); }
std::string name_in_section(const Key& key) { return key.name().substr(key.name().find('.') + 1); }

}  // namespace

RunConfig read_config(const std::filesystem::path& file) {
  RunConfig config;
  const Schema schema(config);
  for (const Assignment& assignment : read_toml(file)) schema.set(assignment);
  return config;
}

RunConfig read_run_config(const std::filesystem::path& run_dir) {
  const std::filesystem::path file = run_dir / "config.toml";
  std::error_code nothing_there;
  if (!std::filesystem::exists(file, nothing_there)) {
    throw InputError("{}: is no run: there is no {}; give the run.dir of a training",
                     run_dir.string(), file.string());
  }
  RunConfig config = read_config(file);
  config.run.dir = run_dir.string();
  return config;
}

std::string to_toml(const RunConfig& config) {
  RunConfig copy = config;  // a schema binds to fields that it could set
  std::string text = "# The configuration of a run of gm, every key as it was resolved.\n";
  std::string section;
  for (const Key& key : Schema(copy).keys()) {
    if (section_of(key) != section) {
      section = section_of(key);
      text += fmt::format("\n[{}]\n", section);
    }
    text += fmt::format("# {} ({})\n{} = {}\n", key.help(), key.expectation(), name_in_section(key),
                        to_text(key.value()));
  }
  return text;
}

std::string config_help() {
  RunConfig defaults;
  std::string text =
      "Keys of the configuration file, also given on the command line as section.key=value.\n";
  std::string section;
  for (const Key& key : Schema(defaults).keys()) {
    if (section_of(key) != section) {
      section = section_of(key);
      text += fmt::format("\n[{}]\n", section);
    }
    text += fmt::format("  {:<28} default {:<16} {}\n      {}\n", key.name(), to_text(key.value()),
                        key.expectation(), key.help());
  }
  return text;
}

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
      "{}: the run cannot go on with another configuration: {}; give the run's own values, or "
      "another run.dir",
      ours.run.dir, text);
}

std::string config_hash(const RunConfig& config) {
  // Of what is not a default, so that the runs of before can go on when gm gets another key.
  Hash hash;
  for (const Difference& difference : differences(/*theirs=*/{}, config)) {
    hash.add(difference.key + "=" + difference.ours + "\n");
  }
  return hash.hex();
}

}  // namespace gm
