/// Whether a model was trained on the pictures that it is evaluated on.
#pragma once

#include "data/image_dataset.h"
#include "run/trained_run.h"

namespace gm {

/// Warns when `run` was trained on some of `pictures`, or the data that it was trained on are no
/// longer where they were, so that nobody knows. May pack the run's data, so only one rank may call
/// it.
void warn_of_seen_pictures(const ImageDataset& pictures, const TrainedRun& run);

}  // namespace gm
