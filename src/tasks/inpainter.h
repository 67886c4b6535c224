/// What a task offers that can inpaint.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "tasks/sampling_observer.h"

namespace gm {

/// Masked images.
struct MaskedImages {
  at::Tensor images;  ///< float32 [n,C,H,W] in [-1,1]; masked pixels are ignored.
  at::Tensor masks;   ///< float32 [n,1,H,W], 1 at masked pixels, 0 at known pixels.
};

class Inpainter {
 public:
  virtual ~Inpainter() = default;

  /// The images with their masks filled: float32 [n,C,H,W] in [-1,1], on the task's device. The
  /// known pixels are bitwise unchanged. Randomness depends on `seed` and the image's index
  /// (`indices`, int64 [n] on the CPU) alone. `masked_images` may be on the CPU.
  virtual at::Tensor inpaint(const MaskedImages& masked_images, uint64_t seed,
                             const at::Tensor& indices, const SamplingObserver& observer) = 0;
  /// Throws InputError, before any work is done, if the configuration makes inpainting impossible.
  virtual void check_inpainting() const {}
};

}  // namespace gm
