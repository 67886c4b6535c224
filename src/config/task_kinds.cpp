#include "config/task_kinds.h"

#include <algorithm>

#include "base/named_table.h"
#include "config/run_config.h"

namespace gm {

std::vector<TaskKind>& task_kinds() {
  static std::vector<TaskKind> kinds;
  return kinds;
}

std::vector<std::string> task_names() { return names_in(task_kinds()); }

std::string task_help() {
  std::string help = "What is trained:";
  const char* separator = " ";
  for (const TaskKind& kind : task_kinds()) {
    help += separator + kind.name + " is " + kind.help;
    separator = "; ";
  }
  return help + ".";
}

const TaskKind& task_kind(const RunConfig& config) {
  return find_named(task_kinds(), config.run.task, "run.task");
}

bool reads(const RunConfig& config, const std::string& section) {
  const std::vector<std::string>& sections = task_kind(config).sections;
  return std::ranges::find(sections, section) != sections.end();
}

}  // namespace gm
