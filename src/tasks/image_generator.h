/// What a task offers that can generate new images.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "tasks/sampling_observer.h"

namespace gm {

class ImageGenerator {
 public:
  virtual ~ImageGenerator() = default;

  /// The images number `indices` (int64 [n] on the CPU) of the infinite series of `seed`: float32
  /// [n,C,H,W] in [-1,1], on the task's device. An image depends on its index and the seed alone,
  /// not on the other images of the batch.
  virtual at::Tensor sample(uint64_t seed, const at::Tensor& indices,
                            const SamplingObserver& observer) = 0;

  /// The number of classes that the model was trained with; 0 if it knows none.
  virtual int64_t classes() const { return 0; }
  /// The classes of the images that sample() makes for `indices` (int64 [n] on the CPU): int64 [n]
  /// on the CPU, 0 .. classes() - 1. Undefined if classes() is 0.
  virtual at::Tensor labels(const at::Tensor& /*indices*/) const { return {}; }
};

}  // namespace gm
