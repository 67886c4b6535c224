/// What a run shows of itself while it trains: samples, and figures on pictures that it does not
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
struct RunViews {
  std::function<at::Tensor()> sample;  ///< Pictures as uint8 [n,H,W,C], by the present weights.
  std::function<EvaluationReport()> evaluate;  ///< Empty where evaluate.every is 0.
};

/// The views of the run of `config`, which trains `task`; task and communicator outlive them. A
/// task that makes no pictures out of nothing shows how it fills holes in pictures that its data
/// hold out or, where they hold out none, in those that it trains on. Called by all ranks. Throws
/// InputError where the evaluation could not be done.
RunViews make_run_views(const RunConfig& config, Task& task, Communicator& communicator);

}  // namespace gm
