#include "run/run_views.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <memory>

#include "diffusion/repaint.h"
#include "eval/holed_pictures.h"
#include "eval/image_quality.h"
#include "eval/inpainting_evaluation.h"
#include "run/evaluation_pictures.h"

namespace gm {
namespace {

std::shared_ptr<const HoledPictures> open_holed(const RunConfig& config,
                                                Communicator& communicator) {
  return std::make_shared<const HoledPictures>(open_held_out(config.data, communicator),
                                               config.mask,
                                               static_cast<uint64_t>(config.evaluate.seed));
}

}  // namespace

RunViews make_run_views(const RunConfig& config, Task& task, Communicator& communicator) {
  RunViews views;
  const auto run_seed = static_cast<uint64_t>(config.run.seed);
  if (task.can_sample()) {
    views.make_samples = [&task, run_seed](const at::Tensor& indices,
                                           const SamplingObserver& observer) {
      return task.sample(run_seed, indices, observer);
    };
    if (config.evaluate.every == 0) return views;
    repaint_levels(config.diffusion.steps, config.repaint);  // throws where it cannot be followed
  }

  const auto holed = open_holed(config, communicator);
  if (config.evaluate.every > 0) require_measurable(holed->shape().height, holed->shape().width);
  const auto seed = static_cast<uint64_t>(config.evaluate.seed);
  if (!task.can_sample()) {
    views.make_samples = [&task, seed, holed](const at::Tensor& indices,
                                              const SamplingObserver& observer) {
      return filling_strips(task, *holed, seed, indices.remainder(holed->size()), observer);
    };
  }
  const EvaluationRequest request{.count = std::min(config.evaluate.count, holed->size()),
                                  .batch_size = config.evaluate.batch_size};
  views.evaluate = [&task, &communicator, seed, holed, request] {
    const InpaintingFigures figures =
        evaluate_inpainting(fill_by(task, "", seed), *holed, request, communicator).all;
    return EvaluationReport{.pictures = figures.pictures, .figures = figures.values};
  };
  return views;
}

}  // namespace gm
