/// Whether a model was trained on the images that it is evaluated on.
#pragma once

#include "data/image_dataset.h"
#include "run/load_run.h"

namespace gm {

/// Warns when `run` was trained on some of `images`, or nobody knows because what it was trained
/// on cannot be looked at: it is no longer where it was, or was a folder whose packed copy is gone.
/// Throws StopRequested, and nothing else.
void warn_of_overlap(const ImageDataset& images, const LoadedRun& run);

}  // namespace gm
