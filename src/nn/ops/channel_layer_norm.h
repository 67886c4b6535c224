/// Layer norm over the channels of each pixel.
#pragma once

#include <ATen/core/Tensor.h>

namespace gm::ops {

/// (x - mean) / sqrt(variance + 1e-5) * gain + residual, with mean and variance over the channels
/// of each pixel of `x` [N,C,H,W]. `gain` is [1,C,1,1]; `residual` has the shape of `x` or is
/// undefined.
at::Tensor channel_layer_norm(const at::Tensor& x, const at::Tensor& gain,
                              const at::Tensor& residual = {});

/// The same with plain ATen operators: the reference for tests, and the fallback for devices,
/// shapes and types without a kernel.
at::Tensor channel_layer_norm_plain(const at::Tensor& x, const at::Tensor& gain,
                                    const at::Tensor& residual = {});

}  // namespace gm::ops
