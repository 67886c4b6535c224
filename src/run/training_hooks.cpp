#include "run/training_hooks.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <memory>

#include "base/log.h"
#include "comm/on_rank_zero.h"
#include "eval/image_metrics.h"
#include "eval/inpainting_evaluation.h"
#include "eval/masked_dataset.h"
#include "eval/sampling.h"
#include "image/image_grid.h"
#include "run/datasets.h"
#include "run/make_task.h"

namespace gm {
namespace {

constexpr const char* kInpainting = "inpainting";

std::shared_ptr<const MaskedDataset> open_masked(const RunConfig& config,
                                                 Communicator& communicator) {
  const auto images = open_dataset(config.data, std::nullopt, communicator);
  return std::make_shared<const MaskedDataset>(images, config.mask,
                                               static_cast<uint64_t>(config.evaluate.seed));
}

Artefact image_grid(LabelledImages images) {
  return {.extension = ".png", .write = [images = std::move(images)](const auto& path) {
            write_image_grid(path, images);
          }};
}

std::function<Artefact()> new_images(ImageGenerator& generator, const RunConfig& config,
                                     Communicator& communicator) {
  const auto seed = static_cast<uint64_t>(config.run.seed);
  const DistributedRange work{.count = config.sample.count, .batch_size = config.sample.batch_size};
  return [&generator, &communicator, seed, work] {
    const auto make = [&](const at::Tensor& indices, const SamplingObserver& observer) {
      return generator.sample(seed, indices, observer);
    };
    return image_grid({gather_samples(make, communicator, work)});
  };
}

std::function<Artefact()> inpainted_images(Inpainter& inpainter,
                                           std::shared_ptr<const MaskedDataset> masked,
                                           const RunConfig& config, Communicator& communicator) {
  const auto seed = static_cast<uint64_t>(config.evaluate.seed);
  const DistributedRange work{.count = std::min(config.sample.count, masked->size()),
                              .batch_size = config.sample.batch_size};
  return [&inpainter, &communicator, masked = std::move(masked), seed, work] {
    const auto make = [&](const at::Tensor& indices, const SamplingObserver& observer) {
      return inpainting_images(inpainter, *masked, seed, masked->evenly_spaced(indices, work.count),
                               observer);
    };
    return image_grid({gather_samples(make, communicator, work), inpainting_labels()});
  };
}

Evaluation inpainting_evaluation(Inpainter& inpainter, std::shared_ptr<const MaskedDataset> masked,
                                 const EvaluateConfig& config, Communicator& communicator) {
  inpainter.check_inpainting();
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
  const InpaintMethod method = inpaint_by(inpainter, "", static_cast<uint64_t>(config.seed));
  const auto run = [=, masked = std::move(masked), &communicator] {
    const InpaintingFigures figures = evaluate_inpainting(method, *masked, work, communicator).all;
    return EvaluationReport{
        .name = kInpainting, .samples = figures.images, .figures = figures.values};
  };
  return {.name = kInpainting, .run = run};
}

}  // namespace

TrainingHooks make_training_hooks(const RunConfig& config, Task& task, Communicator& communicator) {
  TrainingHooks hooks;
  ImageGenerator* const generator = task.image_generator();
  Inpainter* const inpainter =
      config.evaluate.every > 0 ? &require_inpainter(task, "evaluate.every") : task.inpainter();
  const bool shows_inpainting = generator == nullptr && inpainter != nullptr;
  std::shared_ptr<const MaskedDataset> masked;
  if (config.evaluate.every > 0 || shows_inpainting) masked = open_masked(config, communicator);

  if (generator != nullptr) hooks.sample = new_images(*generator, config, communicator);
  if (shows_inpainting) hooks.sample = inpainted_images(*inpainter, masked, config, communicator);
  if (config.evaluate.every > 0) {
    hooks.evaluations = {inpainting_evaluation(*inpainter, masked, config.evaluate, communicator)};
  }
  return hooks;
}

}  // namespace gm
