// The table of evaluations: one entry for each kind. A new evaluation needs a source in eval/ and
// an entry here.
#include "run/evaluation_table.h"

#include "eval/inpainting_evaluation.h"
#include "eval/masked_dataset.h"
#include "run/make_task.h"

namespace gm {

std::vector<EvaluationKind>& evaluation_kinds() {
  static std::vector<EvaluationKind> kinds{
      {.require =
           [](Task& task, const std::string& asked) {
             require_inpainter(task, asked).check_inpainting();
           },
       .make =
           [](const EvaluationInputs& in) {
             return std::make_shared<InpaintingEvaluation>(
                 MaskedDataset(in.images, in.mask, static_cast<uint64_t>(in.config.seed)),
                 in.config, in.communicator);
           }},
  };
  return kinds;
}

void require_evaluations(Task& task, const std::string& asked) {
  for (const EvaluationKind& kind : evaluation_kinds()) kind.require(task, asked);
}

std::vector<std::shared_ptr<Evaluation>> make_evaluations(const EvaluationInputs& inputs) {
  std::vector<std::shared_ptr<Evaluation>> evaluations;
  for (const EvaluationKind& kind : evaluation_kinds()) evaluations.push_back(kind.make(inputs));
  return evaluations;
}

}  // namespace gm
