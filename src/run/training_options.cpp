#include "run/training_options.h"

#include "base/error.h"
#include "nn/ops/flops.h"
#include "run/evaluation_table.h"

namespace gm {

Loader::Options loader_options(const RunConfig& config, const RunState& first) {
  return {.prefetch = config.data.prefetch,
          .first_micro_batch = first.samples / config.train.batch_size};
}

Metrics::Options metrics_options(const RunConfig& config, const World& world, const RunState& first,
                                 const TrainingData& data, Watchdog& watchdog, int restarts) {
  return {.is_rank_zero = world.rank() == 0,
          .world_size = world.size(),
          .restarts = restarts,
          .first_step = first.step,
          .first_samples = first.samples,
          .planned_steps = config.train.steps,
          .checkpoint_interval_steps = config.checkpoint.every,
          .dataset_size = data.size,
          .watchdog_margin = [&watchdog] { return watchdog.margin_seconds(); }};
}

RunLog::Options log_options(const RunConfig& config, const World& world, const RunState& first) {
  return {.is_rank_zero = world.rank() == 0,
          .first_step = first.step,
          .total_steps = config.train.steps,
          .log_every_seconds = config.telemetry.log_every_seconds,
          .profile_steps = config.profile.steps,
          .count_flops = ops::flops_of,
          .keeps_best = !config.checkpoint.keep_best.empty()};
}

std::optional<RankedFigure> best_figure(const RunConfig& config) {
  const std::string& name = config.checkpoint.keep_best;
  if (name.empty()) return std::nullopt;
  if (config.evaluate.every == 0) {
    throw InputError(
        "checkpoint.keep_best = \"{}\": the run has no evaluations; set evaluate.every as well",
        name);
  }
  return require_ranked_figure(config.evaluate, name, "checkpoint.keep_best");
}

TrainerConfig trainer_config(const RunConfig& config, const RunIdentity& identity,
                             const TrainingData& data) {
  return {.train = config.train,
          .optimizer = config.optimizer,
          .ema = config.ema,
          .sample = config.sample,
          .watchdog = config.watchdog,
          .checkpoint_every = config.checkpoint.every,
          .evaluate_every = config.evaluate.every,
          .keep_best = best_figure(config),
          .identity = identity,
          .sample_shape = data.sample_shape,
          .classes = data.classes,
          .class_names = data.class_names};
}

}  // namespace gm
