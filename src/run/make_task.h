/// From a run's configuration to what it trains.
#pragma once

#include <memory>
#include <string>

#include "config/run_config.h"
#include "data/image_dataset.h"
#include "data/image_shape.h"
#include "data/masks.h"
#include "tasks/task.h"

namespace gm {

/// The masks that the run trains on, for images of `shape`; none where it does not train on
/// masks. Throws InputError as MaskSource does.
std::shared_ptr<const MaskSource> open_training_masks(const RunConfig& config,
                                                      const ImageShape& shape);

/// The task run.task, with new weights, for images of `shape`. Without `masks` of
/// open_training_masks() it cannot be trained on masks, but fills them. Throws InputError when its
/// networks do not fit the images.
std::unique_ptr<Task> make_task(const RunConfig& config, const ImageShape& shape,
                                std::shared_ptr<const MaskSource> masks = nullptr);

/// Hash of what a run trains on: the images and, where it trains on those, the mask files. Ranks
/// compare it, and a run that continues.
std::string training_data_hash(const ImageDataset& images, const MaskSource* masks);

}  // namespace gm
