#include "config/run_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/schema.h"
#include "config/task_kinds.h"
#include "config/toml.h"

namespace gm {
namespace {

std::string section_of(const Key& key) { return key.name().substr(0, key.name().find('.')); }
std::string name_in_section(const Key& key) { return key.name().substr(key.name().find('.') + 1); }

}  // namespace

bool RunConfig::uses_masks() const { return task_kind(*this).uses_masks(*this); }
bool RunConfig::uses_labels() const { return task_kind(*this).uses_labels(*this); }

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
    throw InputError("{}: is not a run directory: there is no {}; give the run.dir of a training",
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

}  // namespace gm
