/// What a run reports during training: samples, and evaluation figures on held-out images.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "config/run_config.h"
#include "eval/evaluation.h"
#include "run/evaluation_table.h"
#include "tasks/task.h"
#include "train/artefact.h"

namespace gm {

/// All ranks call these functions together. They throw StopRequested when a rank got a signal.
struct TrainingHooks {
  /// Made with the current weights, for rank 0; empty if the task makes no samples.
  std::function<Artefact()> sample;
  std::vector<std::shared_ptr<Evaluation>> evaluations;  ///< Empty if evaluate.every is 0.
  Method method;                                         ///< The task, for the evaluations.
};

/// The hooks for a run that trains `task`; task and communicator outlive them. The samples of an
/// inpainting task are inpainted images: held-out images or, if there are none, training images.
/// `packed` is the result of prepare_data(); `extractor` is for evaluations. Called by all ranks.
/// Throws InputError when the evaluation is not possible.
TrainingHooks make_training_hooks(const RunConfig& config, const std::string& packed, Task& task,
                                  const ExtractorSource& extractor, Communicator& communicator);

}  // namespace gm
