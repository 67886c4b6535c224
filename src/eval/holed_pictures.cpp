#include "eval/holed_pictures.h"

#include <ATen/ATen.h>

#include "data/read_pictures.h"

namespace gm {

HoledPictures::HoledPictures(std::shared_ptr<const ImageDataset> dataset, const MaskConfig& mask,
                             uint64_t seed)
    : dataset_(std::move(dataset)),
      masks_(mask, dataset_->shape().height, dataset_->shape().width, seed,
             Stream::kEvaluationMask) {}

HoledPictures::HoledPictures(std::shared_ptr<const ImageDataset> dataset, MaskSource masks)
    : dataset_(std::move(dataset)), masks_(std::move(masks)) {}

at::Tensor HoledPictures::spread(const at::Tensor& i, int64_t count) const {
  return (i * size()).div(count, "floor");
}

IncompletePictures HoledPictures::at(const at::Tensor& indices) const {
  return {.pictures = read_pictures(*dataset_, indices), .masks = masks_.masks(indices)};
}

at::Tensor filling_strips(Task& task, const HoledPictures& pictures, uint64_t seed,
                          const at::Tensor& indices, const SamplingObserver& observer) {
  const IncompletePictures shown = pictures.at(indices);
  const at::Tensor with_hole = shown.pictures.masked_fill(shown.masks > 0.5, 0);
  const at::Tensor filled = task.inpaint(shown, seed, indices, observer);
  return at::cat({shown.pictures, with_hole, filled}, /*dim=*/3);
}

}  // namespace gm
