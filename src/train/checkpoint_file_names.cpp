#include "train/checkpoint_file_names.h"

namespace gm {

bool is_sampled(Task& task, const Phase& phase) { return phase.network == &task.sampled_network(); }

std::string file_suffix(Task& task, const Phase& phase) {
  return is_sampled(task, phase) ? "" : "_" + phase.name;
}

std::vector<std::string> checkpoint_files(Task& task) {
  std::vector<std::string> files;
  for (const Phase& phase : task.phases()) {
    const std::string suffix = file_suffix(task, phase);
    for (const char* file : {"model", "optimizer"}) files.push_back(file + suffix);
    if (is_sampled(task, phase)) files.push_back("ema");
  }
  return files;
}

}  // namespace gm
