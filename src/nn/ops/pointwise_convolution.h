/// The 1x1 convolution: a linear map of each pixel's channels.
#pragma once

#include <ATen/core/Tensor.h>

namespace gm::ops {

/// The 1x1 convolution of `x` [N,C,H,W], or of `x` and `skip` [N,D,H,W] as if concatenated along
/// channels, with `weight` [out,C,1,1] or [out,C+D,1,1], plus `bias` [out]: [N,out,H,W].
at::Tensor pointwise_convolution(const at::Tensor& x, const at::Tensor& weight,
                                 const at::Tensor& bias, const at::Tensor& skip = {});

/// The same with plain ATen operators: the reference for tests, and the fallback for devices,
/// shapes and types without a kernel.
at::Tensor pointwise_convolution_plain(const at::Tensor& x, const at::Tensor& weight,
                                       const at::Tensor& bias, const at::Tensor& skip = {});

}  // namespace gm::ops
