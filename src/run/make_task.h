/// From a run's configuration to what it trains.
#pragma once

#include <memory>
#include <string>

#include "config/run_config.h"
#include "data/image_dataset.h"
#include "data/image_shape.h"
#include "tasks/task.h"

namespace gm {

/// The task run.task, with new weights, for pictures of `shape`. Throws InputError when its
/// networks do not fit the pictures.
std::unique_ptr<Task> make_task(const RunConfig& config, const ImageShape& shape);

/// Hash of what a run trains on: the pictures and, where the task reads any, the mask files. Ranks
/// compare it, and a run that goes on. Throws InputError as MaskSource does.
std::string training_data_hash(const RunConfig& config, const ImageDataset& pictures);

}  // namespace gm
