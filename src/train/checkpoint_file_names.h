/// Which files of a checkpoint belong to which network of a task.
#pragma once

#include <string>
#include <vector>

#include "tasks/task.h"

namespace gm {

/// Whether the phase trains the network that makes the images.
bool is_sampled(Task& task, const Phase& phase);

/// What follows "model", "optimizer" and "ema" in the names of a phase's files: nothing for the
/// network that makes the images, whatever helped to train it; "_NAME" for each of the helpers.
std::string file_suffix(Task& task, const Phase& phase);

/// The files that a checkpoint of the task has; only the network that makes the images has an
/// average.
std::vector<std::string> checkpoint_files(Task& task);

}  // namespace gm
