/// Two baselines: methods that inpaint without training.
#pragma once

#include <ATen/core/Tensor.h>

#include "tasks/inpainter.h"

namespace gm {

// `images`: float32 [n,C,H,W]; `masks`: [n,1,H,W], 1 at masked pixels, with at least one known
// pixel in each. The known pixels are returned bitwise unchanged. The masked pixels of `images` are
// ignored.

/// Masked pixels become the mean of the image's known pixels, for each channel separately.
at::Tensor inpaint_with_mean(const at::Tensor& images, const at::Tensor& masks);

/// Masked pixels become the solution of Laplace's equation over the masked area: each is the mean
/// of its left, right, upper and lower neighbours, as far as the image has them. So no masked pixel
/// is brighter or darker than the known pixels around the masked area. Solved with conjugate
/// gradients (Hestenes and Stiefel, 1952) in float64, to a relative residual of 1e-10.
at::Tensor inpaint_harmonically(const at::Tensor& images, const at::Tensor& masks);

/// A baseline in the form of a model.
class InpaintingBaseline final : public Inpainter {
 public:
  using Rule = at::Tensor (*)(const at::Tensor& images, const at::Tensor& masks);

  explicit InpaintingBaseline(Rule rule) : rule_(rule) {}
  at::Tensor inpaint(const MaskedImages& masked_images, uint64_t /*seed*/,
                     const at::Tensor& /*indices*/, const SamplingObserver& /*observer*/) override {
    return rule_(masked_images.images, masked_images.masks);
  }

 private:
  Rule rule_;
};

}  // namespace gm
