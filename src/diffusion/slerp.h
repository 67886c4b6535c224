/// Spherical interpolation of noise.
#pragma once

#include <ATen/core/Tensor.h>

namespace gm {

/// Noise between `from` and `to` (float [n,C,H,W], on any device): for each image, the point at
/// `fractions` (float64 [n] on the CPU, 0 to 1) of the arc between them. At 0 it is `from`, at 1 it
/// is `to`, to the last bit. In between, its norm is that of normal noise, which a straight line
/// would leave. An image does not depend on the others of the batch. Shoemake, "Animating rotation
/// with quaternion curves", 1985; used for noise by Song, Meng, Ermon, "Denoising diffusion
/// implicit models", 2021, section 5.3.
at::Tensor slerp(const at::Tensor& from, const at::Tensor& to, const at::Tensor& fractions);

}  // namespace gm
