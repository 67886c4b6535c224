/// The files of gm_train --visualize: strips that show the diffusion process.
#pragma once

#include <cstdint>
#include <memory>

#include "comm/communicator.h"
#include "data/image_dataset.h"
#include "run/run_directory.h"
#include "tasks/task.h"

namespace gm {

/// Writes forward.png, the forward process of up to eight images of the dataset, and reverse.png,
/// the reverse process of the same number of samples, into the folder of samples; one strip per
/// image. Called by all ranks. Throws InputError if `task` has no process (DiffusionProcess), and
/// Error when a file cannot be written.
void write_process_files(Task& task, std::shared_ptr<const ImageDataset> dataset,
                         const RunDirectory& directory, uint64_t seed, Communicator& communicator);

}  // namespace gm
