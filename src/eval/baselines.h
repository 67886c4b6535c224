/// Two ways to inpaint that need no learning: what learnt ones have to beat.
#pragma once

#include <ATen/core/Tensor.h>

namespace gm {

// `images`: float32 [n,C,H,W]; `masks`: [n,1,H,W], 1 where a pixel is missing, with at least one
// known pixel in each. The known pixels are returned as they are, to the bit; what `images` holds
// in the masks does not matter.

/// Missing pixels become the mean of the image's known ones, channel by channel.
at::Tensor inpaint_with_mean(const at::Tensor& images, const at::Tensor& masks);

/// Missing pixels become the solution of Laplace's equation over the masked area: each the mean of
/// its neighbours, left, right, up and down, as far as the image has them. No pixel is then
/// brighter or darker than the known ones around the masked area. Solved with conjugate gradients
/// (Hestenes and Stiefel, 1952) in float64, to a relative residual of 1e-10.
at::Tensor inpaint_harmonically(const at::Tensor& images, const at::Tensor& masks);

}  // namespace gm
