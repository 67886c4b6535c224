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
};

}  // namespace gm
