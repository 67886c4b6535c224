/// The convolution with which a network reads an image of few channels.
#pragma once

#include <ATen/core/Tensor.h>

namespace gm::ops {

/// The convolution of `x` [N,C,H,W] with `weight` [out,C,s,s], s odd, and a border of s/2 zeros,
/// plus `bias` [out]: [N,out,H,W]. Made for large windows of few channels, such as the 7x7 of a
/// image's colours, whose own gradient is seldom wanted.
at::Tensor input_convolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

/// The same as plain ATen operators: the oracle, and the way on any device, shape and type.
at::Tensor input_convolution_plain(const at::Tensor& x, const at::Tensor& weight,
                                   const at::Tensor& bias);

}  // namespace gm::ops
