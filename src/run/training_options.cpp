#include "run/training_options.h"

#include "data/image_reader.h"
#include "data/pack_folder_to_cache.h"
#include "nn/ops/flops.h"

namespace gm {

ShardOrder::Options order_options(const RunConfig& config, const World& world,
                                  int64_t dataset_size) {
  return {.dataset_size = dataset_size,
          .shards = config.data.shards,
          .batch_size = config.train.batch_size,
          .seed = static_cast<uint64_t>(config.run.seed),
          .rank = world.rank(),
          .ranks = world.size()};
}

std::unique_ptr<BatchReader> make_image_reader(const RunConfig& config,
                                               std::shared_ptr<const ImageDataset> dataset) {
  return std::make_unique<ImageReader>(std::move(dataset), augmentation_options(config.data),
                                       static_cast<uint64_t>(config.run.seed));
}

Loader::Options loader_options(const RunConfig& config, const RunState& first) {
  return {.prefetch = config.data.prefetch,
          .first_micro_batch = first.samples / config.train.batch_size};
}

RunLog::Options log_options(const RunConfig& config, const World& world, const RunState& first) {
  return {.is_rank_zero = world.rank() == 0,
          .first_step = first.step,
          .total_steps = config.train.steps,
          .log_every_seconds = config.telemetry.log_every_seconds,
          .profile_steps = config.profile.steps,
          .count_flops = ops::flops_of};
}

TrainerConfig trainer_config(const RunConfig& config, const RunIdentity& identity,
                             const ImageShape& shape) {
  return {.train = config.train,
          .optimizer = config.optimizer,
          .ema = config.ema,
          .sample = config.sample,
          .watchdog = config.watchdog,
          .checkpoint_every = config.checkpoint.every,
          .evaluate_every = config.evaluate.every,
          .identity = identity,
          .sample_shape = {shape.channels, shape.height, shape.width}};
}

}  // namespace gm
