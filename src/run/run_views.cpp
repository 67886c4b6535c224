#include "run/run_views.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <memory>

#include "base/log.h"
#include "comm/on_rank_zero.h"
#include "eval/holed_pictures.h"
#include "eval/image_quality.h"
#include "eval/inpainting_evaluation.h"
#include "run/open_data.h"
#include "train/sampling.h"

namespace gm {
namespace {

std::shared_ptr<const HoledPictures> open_holed(const RunConfig& config,
                                                Communicator& communicator) {
  const auto pictures = open_dataset(config.data, std::nullopt, communicator);
  return std::make_shared<const HoledPictures>(pictures, config.mask,
                                               static_cast<uint64_t>(config.evaluate.seed));
}

std::function<at::Tensor()> new_pictures(Task& task, const RunConfig& config,
                                         Communicator& communicator) {
  const auto seed = static_cast<uint64_t>(config.run.seed);
  const SharedWork work{.count = config.sample.count, .batch_size = config.sample.batch_size};
  return [&task, &communicator, seed, work] {
    const auto make = [&](const at::Tensor& indices, const SamplingObserver& observer) {
      return task.sample(seed, indices, observer);
    };
    return sample_on_all_ranks(make, communicator, work);
  };
}

std::function<at::Tensor()> filled_pictures(Task& task, std::shared_ptr<const HoledPictures> holed,
                                            const RunConfig& config, Communicator& communicator) {
  const auto seed = static_cast<uint64_t>(config.evaluate.seed);
  const SharedWork work{.count = std::min(config.sample.count, holed->size()),
                        .batch_size = config.sample.batch_size};
  return [&task, &communicator, holed = std::move(holed), seed, work] {
    const auto make = [&](const at::Tensor& indices, const SamplingObserver& observer) {
      return filling_strips(task, *holed, seed, holed->spread(indices, work.count), observer);
    };
    return sample_on_all_ranks(make, communicator, work);
  };
}

std::function<EvaluationReport()> evaluation(Task& task, std::shared_ptr<const HoledPictures> holed,
                                             const EvaluateConfig& config,
                                             Communicator& communicator) {
  task.check_inpainting();
  require_measurable(holed->shape().height, holed->shape().width);
  if (!holed->are_held_out()) {
    on_rank_zero(communicator, [] {
      log_warning(
          "evaluate.every: the data hold no pictures out, so the figures are of pictures that the "
          "run trains on; hold some out with gm_data pack --holdout");
    });
  }
  const SharedWork work{.count = std::min(config.count, holed->size()),
                        .batch_size = config.batch_size};
  const FillMethod method = fill_by(task, "", static_cast<uint64_t>(config.seed));
  return [=, holed = std::move(holed), &communicator] {
    const InpaintingFigures figures = evaluate_inpainting(method, *holed, work, communicator).all;
    return EvaluationReport{.pictures = figures.pictures, .figures = figures.values};
  };
}

}  // namespace

RunViews make_run_views(const RunConfig& config, Task& task, Communicator& communicator) {
  const bool evaluates = config.evaluate.every > 0;
  std::shared_ptr<const HoledPictures> holed;
  if (evaluates || !task.can_sample()) holed = open_holed(config, communicator);

  RunViews views;
  views.sample = task.can_sample() ? new_pictures(task, config, communicator)
                                   : filled_pictures(task, holed, config, communicator);
  if (evaluates) views.evaluate = evaluation(task, holed, config.evaluate, communicator);
  return views;
}

}  // namespace gm
