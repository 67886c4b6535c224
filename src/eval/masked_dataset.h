/// Images of a dataset, each with a mask of its own: what models are shown, compared and
/// evaluated on.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "data/image_dataset.h"
#include "data/masks.h"
#include "tasks/task.h"

namespace gm {

class MaskedDataset {
 public:
  /// The images of `dataset` as they are, not augmented. The masked of an image depends on `seed`
  /// and its index alone, and is drawn independently of those that a training of that seed sees.
  /// Throws InputError as MaskSource does.
  MaskedDataset(std::shared_ptr<const ImageDataset> dataset, const MaskConfig& mask, uint64_t seed);
  /// The masked of an image is the mask of its index.
  MaskedDataset(std::shared_ptr<const ImageDataset> dataset, MaskSource masks);

  int64_t size() const { return dataset_->size(); }
  /// MaskSource::content_hash.
  const std::string& masks_hash() const { return masks_.content_hash(); }
  /// Whether no training sees them.
  bool are_held_out() const { return dataset_->part() == Part::kHeldOut; }
  const ImageShape& shape() const { return dataset_->shape(); }
  /// Number `i` (int64 [n]) of `count` images that are spread evenly over the dataset, which
  /// may be sorted by class: their numbers, int64 [n].
  at::Tensor evenly_spaced(const at::Tensor& i, int64_t count) const;
  /// The whole images number `indices` (int64 [n], each below size()), and their masks.
  MaskedImages at(const at::Tensor& indices) const;

 private:
  std::shared_ptr<const ImageDataset> dataset_;
  MaskSource masks_;
};

constexpr int64_t kImagesInAStrip = 3;

/// Images as a person is shown them, side by side, float32 [n,C,H,3W] in [-1,1]: whole, with the
/// masked in grey, and as `task` fills it.
at::Tensor inpainting_images(Task& task, const MaskedDataset& images, uint64_t seed,
                             const at::Tensor& indices, const SamplingObserver& observer);

}  // namespace gm
