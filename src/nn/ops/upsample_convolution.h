/// Doubles an image, then convolves it.
#pragma once

#include <ATen/core/Tensor.h>

namespace gm::ops {

/// `x` [N,C,H,W] doubled by nearest neighbours, then convolved with `weight` [out,C,3,3] and
/// padding 1, plus `bias` [out]: [N,out,2*H,2*W].
at::Tensor upsample_convolution(const at::Tensor& x, const at::Tensor& weight,
                                const at::Tensor& bias);

/// The same with plain ATen operators: the reference for tests, and the fallback for devices,
/// shapes and types without a kernel.
at::Tensor upsample_convolution_plain(const at::Tensor& x, const at::Tensor& weight,
                                      const at::Tensor& bias);

}  // namespace gm::ops
