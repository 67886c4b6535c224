/// The convolution that halves an image.
#pragma once

#include <ATen/core/Tensor.h>

namespace gm::ops {

/// The 4x4 convolution of stride 2 and padding 1 of `x` [N,C,H,W] with `weight` [out,C,4,4] and
/// `bias` [out]: [N,out,H/2,W/2], rounded down.
at::Tensor downsample_convolution(const at::Tensor& x, const at::Tensor& weight,
                                  const at::Tensor& bias);

/// The same with plain ATen operators: the reference for tests, and the fallback for devices,
/// shapes and types without a kernel.
at::Tensor downsample_convolution_plain(const at::Tensor& x, const at::Tensor& weight,
                                        const at::Tensor& bias);

}  // namespace gm::ops
