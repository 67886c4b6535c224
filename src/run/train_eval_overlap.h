/// Warns if a model was trained on the images that it is evaluated on.
#pragma once

#include "data/image_dataset.h"
#include "run/load_run.h"

namespace gm {

/// Warns when `run` was trained on some of `images`. Also warns when this is unknown because the
/// training data cannot be read: they were moved, or the packed copy of a folder was deleted.
/// Throws only StopRequested.
void warn_of_overlap(const ImageDataset& images, const LoadedRun& run);

/// Throws InputError if so many of `images` are images for training that they cannot show how near
/// to those an image lies that a model has not seen.
void require_held_out(const ImageDataset& images, const ImageDataset& training);

}  // namespace gm
