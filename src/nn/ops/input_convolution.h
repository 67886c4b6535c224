/// The first convolution of a network, which reads an image with few channels.
#pragma once

#include <ATen/core/Tensor.h>

namespace gm::ops {

/// The convolution of `x` [N,C,H,W] with `weight` [out,C,s,s], s odd, and zero padding of s/2
/// pixels, plus `bias` [out]: [N,out,H,W]. Optimised for large windows and few channels, such as
/// 7x7 on the colours of an image. The gradient of `x` is not optimised, because it is rarely
/// needed.
at::Tensor input_convolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

/// The same with plain ATen operators: the reference for tests, and the fallback for devices,
/// shapes and types without a kernel.
at::Tensor input_convolution_plain(const at::Tensor& x, const at::Tensor& weight,
                                   const at::Tensor& bias);

}  // namespace gm::ops
