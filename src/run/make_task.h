/// Creates the task of a run from its configuration.
#pragma once

#include <memory>
#include <string>

#include "config/run_config.h"
#include "data/image_dataset.h"
#include "data/image_shape.h"
#include "data/masks.h"
#include "tasks/task.h"

namespace gm {

/// The masks that the run trains on, for images of `shape`; null if the run does not train on
/// masks. Throws InputError as MaskSource does.
std::shared_ptr<const MaskSource> open_training_masks(const RunConfig& config,
                                                      const ImageShape& shape);

/// The task run.task, with new weights, for images of `shape`. Training on masks needs the `masks`
/// of open_training_masks(); inpainting does not. Throws InputError when its networks do not fit
/// the images.
std::unique_ptr<Task> make_task(const RunConfig& config, const ImageShape& shape,
                                std::shared_ptr<const MaskSource> masks = nullptr);

/// Hash of the training data of a run: the images and, if it trains on them, the mask files.
/// Compared between ranks, and when a run resumes.
std::string training_data_hash(const ImageDataset& images, const MaskSource* masks);

}  // namespace gm
