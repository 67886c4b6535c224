/// Whether a model was trained on the pictures that it is evaluated on.
#pragma once

#include "data/image_dataset.h"
#include "run/trained_run.h"

namespace gm {

/// Warns when `run` was trained on some of `pictures`, or nobody knows because what it was trained
/// on cannot be looked at: it is no longer where it was, or was a folder whose packed copy is gone.
/// Throws StopRequested, and nothing else.
void warn_of_seen_pictures(const ImageDataset& pictures, const TrainedRun& run);

}  // namespace gm
