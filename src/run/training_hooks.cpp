#include "run/training_hooks.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <memory>

#include "base/cache_folder.h"
#include "base/log.h"
#include "eval/masked_dataset.h"
#include "eval/sampling.h"
#include "image/image_grid.h"
#include "run/datasets.h"
#include "run/provenance.h"

namespace gm {
namespace {

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
      return generator.sample({seed, indices}, observer);
    };
    return image_grid({gather_samples(make, communicator, work)});
  };
}

std::function<Artefact()> inpainted_images(Inpainter& inpainter,
                                           std::shared_ptr<const ImageDataset> images,
                                           const RunConfig& config, Communicator& communicator) {
  const auto seed = static_cast<uint64_t>(config.evaluate.seed);
  const DistributedRange work{.count = std::min(config.sample.count, images->size()),
                              .batch_size = config.sample.batch_size};
  const MaskedDataset masked(std::move(images), config.mask, seed);
  return [&inpainter, &communicator, masked, seed, work] {
    const auto make = [&](const at::Tensor& indices, const SamplingObserver& observer) {
      return inpainting_images(inpainter, masked, seed, masked.evenly_spaced(indices, work.count),
                               observer);
    };
    return image_grid({gather_samples(make, communicator, work), inpainting_labels()});
  };
}

/// A part of the run's images; without a `part` as in open_dataset(). Every rank reads images from
/// all over the dataset.
std::shared_ptr<const ImageDataset> open_whole_part(const std::string& packed,
                                                    const RunConfig& config,
                                                    std::optional<Part> part,
                                                    Communicator& communicator) {
  auto images = open_dataset(packed, config.data, part, communicator);
  require_files_on_ranks(*images, {0, images->size()}, communicator);
  return images;
}

void warn_unless_held_out(const ImageDataset& images, Communicator& communicator) {
  if (images.part() == Part::kHeldOut || communicator.rank() != 0) return;
  log_warning(
      "evaluate.every: the dataset has no held-out images, so the evaluation uses training images; "
      "hold some out with gm_data pack --holdout");
}

}  // namespace

TrainingHooks make_training_hooks(const RunConfig& config, const std::string& packed, Task& task,
                                  const ExtractorSource& extractor, Communicator& communicator) {
  const bool evaluates = config.evaluate.every > 0;
  if (evaluates) require_evaluations(task, config.evaluate.metrics, "evaluate.every");
  ImageGenerator* const generator = task.image_generator();
  Inpainter* const inpainter = task.inpainter();
  const bool shows_inpainting = generator == nullptr && inpainter != nullptr;
  const DatasetSource images = opened_once([&] {
    auto opened = open_whole_part(packed, config, std::nullopt, communicator);
    if (evaluates) warn_unless_held_out(*opened, communicator);
    return opened;
  });

  TrainingHooks hooks;
  if (generator != nullptr) hooks.sample = new_images(*generator, config, communicator);
  if (shows_inpainting) hooks.sample = inpainted_images(*inpainter, images(), config, communicator);
  if (evaluates) {
    hooks.method = method_of(task, config);
    hooks.method.classes = images()->classes();
    hooks.evaluations = make_evaluations(
        {.images = images,
         .references = images,
         .training = [&] { return open_whole_part(packed, config, Part::kTraining, communicator); },
         .files = {.extractor = extractor},
         .mask = config.mask,
         .diffusion = {config.diffusion},
         .config = config.evaluate,
         .cache = cache_folder(config.data.cache),
         .communicator = communicator});
  }
  return hooks;
}

}  // namespace gm
