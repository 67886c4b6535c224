/// From a configuration to the options of the objects that train.
#pragma once

#include <optional>

#include "checkpoint/checkpoint_store.h"
#include "comm/watchdog.h"
#include "comm/world.h"
#include "config/run_config.h"
#include "data/loader.h"
#include "run/run_log.h"
#include "run/training_data.h"
#include "telemetry/metrics.h"
#include "train/trainer.h"

namespace gm {

// `first` is the state that the run starts or resumes from.

Loader::Options loader_options(const RunConfig& config, const RunState& first);

/// The watchdog outlives the metrics.
Metrics::Options metrics_options(const RunConfig& config, const World& world, const RunState& first,
                                 const TrainingData& data, Watchdog& watchdog, int restarts);

RunLog::Options log_options(const RunConfig& config, const World& world, const RunState& first);

/// The figure of checkpoint.keep_best; nullopt if it is empty. Throws InputError if the evaluations
/// of the run have no such figure.
std::optional<RankedFigure> best_figure(const RunConfig& config);

/// `identity`, and what a run must know of its dataset, are written into checkpoints.
TrainerConfig trainer_config(const RunConfig& config, const RunIdentity& identity,
                             const TrainingData& data);

}  // namespace gm
