#include "config/task_kinds.h"

#include <algorithm>

#include "base/error.h"
#include "config/run_config.h"

namespace gm {

std::vector<TaskKind>& task_kinds() {
  static std::vector<TaskKind> kinds;
  return kinds;
}

std::vector<std::string> task_names() {
  std::vector<std::string> names;
  for (const TaskKind& kind : task_kinds()) names.push_back(kind.name);
  return names;
}

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
  const auto kind = std::ranges::find(task_kinds(), config.run.task, &TaskKind::name);
  if (kind == task_kinds().end()) throw Error("there is no task \"{}\"", config.run.task);
  return *kind;
}

}  // namespace gm
