/// From a run's configuration to what it trains.
#pragma once

#include <memory>

#include "config/run_config.h"
#include "data/image_shape.h"
#include "tasks/task.h"

namespace gm {

/// The task run.task, with new weights, for pictures of `shape`. Throws InputError when its
/// networks do not fit the pictures.
std::unique_ptr<Task> make_task(const RunConfig& config, const ImageShape& shape);

}  // namespace gm
