/// Images of a dataset, each with its own mask, on which models are shown, compared and evaluated.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/image_dataset.h"
#include "data/masks.h"
#include "tasks/inpainter.h"

namespace gm {

class MaskedDataset {
 public:
  /// The images of `dataset` without augmentation. The mask of an image depends on `seed` and its
  /// index alone. It is drawn independently of the masks that training with the same seed uses.
  /// Throws InputError as MaskSource does.
  MaskedDataset(std::shared_ptr<const ImageDataset> dataset, const MaskConfig& mask, uint64_t seed);
  /// The mask of an image is the mask with its index.
  MaskedDataset(std::shared_ptr<const ImageDataset> dataset, MaskSource masks);

  int64_t size() const { return dataset_->size(); }
  /// MaskSource::content_hash.
  const std::string& masks_hash() const { return masks_.content_hash(); }
  /// ImageDataset::content_hash.
  std::string images_hash() const { return dataset_->content_hash(); }
  /// Whether the images are held out from training.
  bool are_held_out() const { return dataset_->part() == Part::kHeldOut; }
  const ImageShape& shape() const { return dataset_->shape(); }
  /// The indices, int64 [n], of the images number `i` (int64 [n]) out of `count` images that are
  /// spread evenly over the dataset, which may be sorted by class.
  at::Tensor evenly_spaced(const at::Tensor& i, int64_t count) const;
  /// The unmasked images number `indices` (int64 [n], each below size()), and their masks.
  MaskedImages at(const at::Tensor& indices) const;

 private:
  std::shared_ptr<const ImageDataset> dataset_;
  MaskSource masks_;
};

/// The images for display: masked pixels become a checkerboard, as image editors show transparent
/// ones. A uniform grey would look like a part of the image.
at::Tensor images_with_visible_masks(const MaskedImages& masked_images);

/// What the images of a strip for display are: "original", "masked", "inpainted".
std::vector<std::string> inpainting_labels();

/// The first two of them, side by side, float32 [n,C,H,2W] in [-1,1] on the CPU.
at::Tensor images_before_inpainting(const MaskedImages& masked_images);

/// All of them, float32 [n,C,H,3W] in [-1,1] on the CPU, with the result of `inpainter`.
at::Tensor inpainting_images(Inpainter& inpainter, const MaskedDataset& images, uint64_t seed,
                             const at::Tensor& indices, const SamplingObserver& observer);

}  // namespace gm
