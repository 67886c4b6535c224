/// From a configuration to the options of the objects that train.
#pragma once

#include "checkpoint/checkpoint_store.h"
#include "comm/world.h"
#include "config/run_config.h"
#include "data/loader.h"
#include "image/image_shape.h"
#include "run/run_log.h"
#include "train/trainer.h"

namespace gm {

// `first` is the state that the run starts or resumes from.

/// This rank's share of the images.
LoaderOptions loader_options(const RunConfig& config, const World& world, const RunState& first);

RunLog::Options log_options(const RunConfig& config, const World& world, const RunState& first);

/// `identity` and `shape`, that of the images, are written into checkpoints.
TrainerConfig trainer_config(const RunConfig& config, const RunIdentity& identity,
                             const ImageShape& shape);

}  // namespace gm
