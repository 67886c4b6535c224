/// What a task offers that can generate new images.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "tasks/sampling_observer.h"

namespace gm {

/// The images to generate: those number `indices` of the infinite series of `seed`.
struct SampleRequest {
  /// Another series, towards which the images lie.
  struct Interpolation {
    uint64_t seed = 0;
    at::Tensor fractions;  ///< float64 [n] on the CPU: 0 is the series of the request, 1 this one.
  };

  uint64_t seed = 0;
  at::Tensor indices;  ///< int64 [n] on the CPU.
  /// If given, the noise that image n starts from lies between the noise of the two series with the
  /// same index (diffusion/slerp.h). All other noise is that of `seed`.
  std::optional<Interpolation> toward = {};
};

class ImageGenerator {
 public:
  virtual ~ImageGenerator() = default;

  /// The images of `request`: float32 [n,C,H,W] in [-1,1], on the task's device. An image depends
  /// on its part of the request alone, not on the other images of the batch.
  virtual at::Tensor sample(const SampleRequest& request, const SamplingObserver& observer) = 0;

  /// The number of classes that the model was trained with; 0 if it knows none.
  virtual int64_t classes() const { return 0; }
  /// The classes of the images that sample() makes for `indices` (int64 [n] on the CPU): int64 [n]
  /// on the CPU, 0 .. classes() - 1. Undefined if classes() is 0.
  virtual at::Tensor labels(const at::Tensor& /*indices*/) const { return {}; }
};

}  // namespace gm
