/// The kinds of tasks that `run.task` chooses from. The table is filled in run/task_table.cpp.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gm {

struct RunConfig;
struct TaskInputs;  // run/make_task.h
class Task;

struct TaskKind {
  std::string name;  ///< The value of run.task.
  std::string help;  ///< What is trained, for --help-config.
  /// Sections of the configuration that only some tasks read, and this one does.
  std::vector<std::string> sections;
  /// What the task can do besides training ("inpaint"), and the condition for it, such as
  /// `unless diffusion.condition = "inpaint"`; empty if there is none.
  std::map<std::string, std::string> abilities;
  /// Whether a run trains on images with the masks of [mask].
  std::function<bool(const RunConfig&)> uses_masks;
  /// Whether a run trains on the labels of the images.
  std::function<bool(const RunConfig&)> uses_labels = [](const RunConfig&) { return false; };
  /// What a run trains, in a few words for the table at the start.
  std::function<std::string(const RunConfig&)> summary;
  std::function<std::unique_ptr<Task>(const TaskInputs&)> make;
};

/// All kinds of tasks.
std::vector<TaskKind>& task_kinds();
std::vector<std::string> task_names();
/// "What is trained: ...", with the names and the help of all kinds.
std::string task_help();

/// The kind of config.run.task. Throws InputError if there is none.
const TaskKind& task_kind(const RunConfig& config);
/// Whether this kind reads a section that only some tasks read.
bool reads(const RunConfig& config, const std::string& section);

}  // namespace gm
