#include "eval/masked_dataset.h"

#include <ATen/ATen.h>

#include "data/read_images.h"
#include "device/transfer.h"

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

at::Tensor images_with_visible_masks(const MaskedImages& masked_images) {
  constexpr int64_t kSquare = 2;  // pixels
  constexpr float kContrast = 0.25;
  const at::Tensor y = at::arange(masked_images.images.size(2)).div(kSquare, "floor").view({-1, 1});
  const at::Tensor x = at::arange(masked_images.images.size(3)).div(kSquare, "floor");
  const at::Tensor checkerboard = ((y + x) % 2).mul(2 * kContrast).sub(kContrast);
  return at::where(masked_images.masks > 0.5, checkerboard, masked_images.images);
}

std::vector<std::string> inpainting_labels() { return {"original", "masked", "inpainted"}; }

at::Tensor images_before_inpainting(const MaskedImages& masked_images) {
  return at::cat({masked_images.images, images_with_visible_masks(masked_images)}, /*dim=*/3);
}

at::Tensor inpainting_images(Inpainter& inpainter, const MaskedDataset& images, uint64_t seed,
                             const at::Tensor& indices, const SamplingObserver& observer) {
  const MaskedImages shown = images.at(indices);
  const at::Tensor filled = download(inpainter.inpaint(shown, seed, indices, observer));
  return at::cat({images_before_inpainting(shown), filled}, /*dim=*/3);
}

}  // namespace gm
