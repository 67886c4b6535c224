/// Group norm, timestep scale and shift, SiLU and residual in one pass over the image.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/Optional.h>

#include <cstdint>

namespace gm::ops {

/// silu(n * (1 + scale) + shift) + residual, where n is `x` [N,C,H,W] normalised in `groups` groups
/// of channels (Wu and He, 2018; epsilon 1e-5), times `weight` [C], plus `bias` [C]. `scale_shift`
/// [N,2C] holds the scale, then the shift of each image; `residual` has the shape of `x`. Both may
/// be undefined. The result is channels last if `x` is.
at::Tensor group_norm_silu(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           int64_t groups, const at::Tensor& scale_shift = {},
                           const at::Tensor& residual = {});

/// The same with plain ATen operators: the reference for tests, and the fallback for devices,
/// shapes and types without a kernel.
at::Tensor group_norm_silu_plain(const at::Tensor& x, const at::Tensor& weight,
                                 const at::Tensor& bias, int64_t groups,
                                 const at::Tensor& scale_shift = {},
                                 const at::Tensor& residual = {});

}  // namespace gm::ops
