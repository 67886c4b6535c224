#include "run/training_hooks.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <memory>

#include "base/log.h"
#include "comm/on_rank_zero.h"
#include "eval/image_metrics.h"
#include "eval/inpainting_evaluation.h"
#include "eval/masked_dataset.h"
#include "run/datasets.h"
#include "train/sampling.h"

namespace gm {
namespace {

std::shared_ptr<const MaskedDataset> open_masked(const RunConfig& config,
                                                 Communicator& communicator) {
  const auto images = open_dataset(config.data, std::nullopt, communicator);
  return std::make_shared<const MaskedDataset>(images, config.mask,
                                               static_cast<uint64_t>(config.evaluate.seed));
}

std::function<LabelledImages()> new_images(Task& task, const RunConfig& config,
                                           Communicator& communicator) {
  const auto seed = static_cast<uint64_t>(config.run.seed);
  const DistributedRange work{.count = config.sample.count, .batch_size = config.sample.batch_size};
  return [&task, &communicator, seed, work] {
    const auto make = [&](const at::Tensor& indices, const SamplingObserver& observer) {
      return task.sample(seed, indices, observer);
    };
    return LabelledImages{sample_on_all_ranks(make, communicator, work)};
  };
}

std::function<LabelledImages()> inpainted_images(Task& task,
                                                 std::shared_ptr<const MaskedDataset> masked,
                                                 const RunConfig& config,
                                                 Communicator& communicator) {
  const auto seed = static_cast<uint64_t>(config.evaluate.seed);
  const DistributedRange work{.count = std::min(config.sample.count, masked->size()),
                              .batch_size = config.sample.batch_size};
  return [&task, &communicator, masked = std::move(masked), seed, work] {
    const auto make = [&](const at::Tensor& indices, const SamplingObserver& observer) {
      return inpainting_images(task, *masked, seed, masked->evenly_spaced(indices, work.count),
                               observer);
    };
    return LabelledImages{sample_on_all_ranks(make, communicator, work), inpainting_labels()};
  };
}

std::function<EvaluationReport()> evaluation(Task& task,
                                             std::shared_ptr<const MaskedDataset> masked,
                                             const EvaluateConfig& config,
                                             Communicator& communicator) {
  task.check_inpainting();
  require_measurable(masked->shape().height, masked->shape().width);
  if (!masked->are_held_out()) {
    on_rank_zero(communicator, [] {
      log_warning(
          "evaluate.every: the dataset has no held-out images, so the evaluation uses training "
          "images; hold some out with gm_data pack --holdout");
    });
  }
  const DistributedRange work{.count = std::min(config.count, masked->size()),
                              .batch_size = config.batch_size};
  const InpaintMethod method = inpaint_by(task, "", static_cast<uint64_t>(config.seed));
  return [=, masked = std::move(masked), &communicator] {
    const InpaintingFigures figures = evaluate_inpainting(method, *masked, work, communicator).all;
    return EvaluationReport{.images = figures.images, .figures = figures.values};
  };
}

}  // namespace

TrainingHooks make_training_hooks(const RunConfig& config, Task& task, Communicator& communicator) {
  const bool evaluates = config.evaluate.every > 0;
  std::shared_ptr<const MaskedDataset> masked;
  if (evaluates || !task.can_sample()) masked = open_masked(config, communicator);

  TrainingHooks hooks;
  hooks.sample = task.can_sample() ? new_images(task, config, communicator)
                                   : inpainted_images(task, masked, config, communicator);
  if (evaluates) hooks.evaluate = evaluation(task, masked, config.evaluate, communicator);
  return hooks;
}

}  // namespace gm
