/// Which files of a checkpoint belong to which network of a task.
#pragma once

#include <string>
#include <vector>

#include "tasks/task.h"

namespace gm {

/// Whether the phase trains the network that generates the images.
bool is_sampled(Task& task, const Phase& phase);

/// The suffix after "model", "optimizer" and "ema" in the file names of a phase: empty for the
/// network that generates the images, "_NAME" for auxiliary networks such as a discriminator.
std::string file_suffix(Task& task, const Phase& phase);

/// The files in a checkpoint of the task. Only the network that generates the images has a moving
/// average.
std::vector<std::string> checkpoint_files(Task& task);

}  // namespace gm
