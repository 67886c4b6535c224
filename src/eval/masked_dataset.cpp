#include "eval/masked_dataset.h"

#include <ATen/ATen.h>

#include "data/read_images.h"

namespace gm {

MaskedDataset::MaskedDataset(std::shared_ptr<const ImageDataset> dataset, const MaskConfig& mask,
                             uint64_t seed)
    : dataset_(std::move(dataset)),
      masks_(mask, dataset_->shape().height, dataset_->shape().width, seed,
             Stream::kEvaluationMask) {}

MaskedDataset::MaskedDataset(std::shared_ptr<const ImageDataset> dataset, MaskSource masks)
    : dataset_(std::move(dataset)), masks_(std::move(masks)) {}

at::Tensor MaskedDataset::evenly_spaced(const at::Tensor& i, int64_t count) const {
  return (i * size()).div(count, "floor");
}

MaskedImages MaskedDataset::at(const at::Tensor& indices) const {
  return {.images = read_images(*dataset_, indices), .masks = masks_.masks(indices)};
}

at::Tensor inpainting_images(Task& task, const MaskedDataset& images, uint64_t seed,
                             const at::Tensor& indices, const SamplingObserver& observer) {
  const MaskedImages shown = images.at(indices);
  const at::Tensor masked = shown.images.masked_fill(shown.masks > 0.5, 0);
  const at::Tensor filled = task.inpaint(shown, seed, indices, observer);
  return at::cat({shown.images, masked, filled}, /*dim=*/3);
}

}  // namespace gm
