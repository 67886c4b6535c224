/// What a run shows of itself while it trains: samples, and figures on images that it does not
/// train on.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "comm/communicator.h"
#include "config/run_config.h"
#include "tasks/task.h"
#include "telemetry/evaluation_report.h"

namespace gm {

/// Both are called by all ranks together, give all of them the same, and throw StopRequested when
/// one of them got a signal.
struct TrainingHooks {
  std::function<at::Tensor()> sample;  ///< Images as uint8 [n,H,W,C], by the present weights.
  std::function<EvaluationReport()> evaluate;  ///< Empty where evaluate.every is 0.
};

/// The views of the run of `config`, which trains `task`; task and communicator outlive them. A
/// task that makes no images out of nothing shows how it inpaints images that its data
/// hold out or, where they hold out none, in those that it trains on. Called by all ranks. Throws
/// InputError where the evaluation could not be done.
TrainingHooks make_training_hooks(const RunConfig& config, Task& task, Communicator& communicator);

}  // namespace gm
