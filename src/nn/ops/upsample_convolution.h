/// Twice the image's size, then a convolution.
#pragma once

#include <ATen/core/Tensor.h>

namespace gm::ops {

/// `x` [N,C,H,W] made twice as large by nearest neighbours, then convolved with `weight`
/// [out,C,3,3] and padding 1, plus `bias` [out]: [N,out,2*H,2*W].
at::Tensor upsample_convolution(const at::Tensor& x, const at::Tensor& weight,
                                const at::Tensor& bias);

/// The same as plain ATen operators: the oracle, and the way on any device, shape and type.
at::Tensor upsample_convolution_plain(const at::Tensor& x, const at::Tensor& weight,
                                      const at::Tensor& bias);

}  // namespace gm::ops
