/// From a configuration to the options of the objects that train.
#pragma once

#include "checkpoint/checkpoint_store.h"
#include "comm/world.h"
#include "config/run_config.h"
#include "data/image_dataset.h"
#include "data/loader.h"
#include "data/shard_order.h"
#include "image/image_shape.h"
#include "run/run_log.h"
#include "train/trainer.h"

namespace gm {

// `first` is the state that the run starts or resumes from.

/// This rank's share of the samples of a dataset.
ShardOrder::Options order_options(const RunConfig& config, const World& world,
                                  int64_t dataset_size);

std::unique_ptr<BatchReader> make_image_reader(const RunConfig& config,
                                               std::shared_ptr<const ImageDataset> dataset);

Loader::Options loader_options(const RunConfig& config, const RunState& first);

RunLog::Options log_options(const RunConfig& config, const World& world, const RunState& first);

/// `identity` and `shape`, that of the images, are written into checkpoints.
TrainerConfig trainer_config(const RunConfig& config, const RunIdentity& identity,
                             const ImageShape& shape);

}  // namespace gm
