/// The kinds of evaluations that gm_eval and evaluate.every choose from.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "data/image_dataset.h"
#include "data/mask_config.h"
#include "eval/evaluate_config.h"
#include "eval/evaluation.h"

namespace gm {

/// What evaluations are made from. The communicator outlives them.
struct EvaluationInputs {
  std::shared_ptr<const ImageDataset> images;  ///< To evaluate on.
  MaskConfig mask;
  EvaluateConfig config;
  Communicator& communicator;
};

struct EvaluationKind {
  /// Throws InputError unless the evaluation can evaluate `task`; `asked` names the run, the option
  /// or the key that asks for it. Needs no images, so programs call it before they pack any.
  std::function<void(Task& task, const std::string& asked)> require;
  /// Called by all ranks. Throws InputError if the images or masks cannot be used.
  std::function<std::shared_ptr<Evaluation>(const EvaluationInputs&)> make;
};

/// All kinds, in the order in which their figures are shown.
std::vector<EvaluationKind>& evaluation_kinds();

/// The `require` of all kinds.
void require_evaluations(Task& task, const std::string& asked);
/// An evaluation of each kind.
std::vector<std::shared_ptr<Evaluation>> make_evaluations(const EvaluationInputs& inputs);

}  // namespace gm
