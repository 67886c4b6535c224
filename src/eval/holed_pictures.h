/// Pictures of a data set, each with a hole of its own: what models are shown, compared and
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

class HoledPictures {
 public:
  /// The pictures of `dataset` as they are, not augmented. The hole of a picture depends on `seed`
  /// and its index alone, and is drawn independently of those that a training of that seed sees.
  /// Throws InputError as MaskSource does.
  HoledPictures(std::shared_ptr<const ImageDataset> dataset, const MaskConfig& mask, uint64_t seed);
  /// The hole of a picture is the mask of its index.
  HoledPictures(std::shared_ptr<const ImageDataset> dataset, MaskSource masks);

  int64_t size() const { return dataset_->size(); }
  /// MaskSource::content_hash.
  const std::string& masks_hash() const { return masks_.content_hash(); }
  /// Whether no training sees them.
  bool are_held_out() const { return dataset_->part() == Part::kHeldOut; }
  const ImageShape& shape() const { return dataset_->shape(); }
  /// Number `i` (int64 [n]) of `count` pictures that are spread evenly over the data set, which may
  /// be sorted by class: their numbers, int64 [n].
  at::Tensor spread(const at::Tensor& i, int64_t count) const;
  /// The whole pictures number `indices` (int64 [n], each below size()), and their holes.
  IncompletePictures at(const at::Tensor& indices) const;

 private:
  std::shared_ptr<const ImageDataset> dataset_;
  MaskSource masks_;
};

constexpr int64_t kPicturesInAStrip = 3;

/// Pictures as a person is shown them, side by side, float32 [n,C,H,3W] in [-1,1]: whole, with the
/// hole in grey, and as `task` fills it.
at::Tensor filling_strips(Task& task, const HoledPictures& pictures, uint64_t seed,
                          const at::Tensor& indices, const SamplingObserver& observer);

}  // namespace gm
