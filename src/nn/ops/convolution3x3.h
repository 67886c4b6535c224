/// The U-Net's 3x3 convolution, which takes most of the arithmetic of a step.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace gm::ops {

/// The weight of a 3x3 convolution, and the same weight packed for the device's kernels. Packed
/// once and used by many passes.
struct Convolution3x3Weight {
  at::Tensor weight;         // [out,in,3,3], channels last; receives the gradient
  at::Tensor packed_weight;  // undefined where there is no kernel
};

/// Packs `weight` [out,in,3,3] for images of about `height` x `width` pixels. Other sizes work too,
/// but may be slower.
Convolution3x3Weight prepare_convolution3x3(const at::Tensor& weight, int64_t height,
                                            int64_t width);

/// The convolution with stride 1 and zero padding of `x` [N,C,H,W], or of `x` and `skip` [N,D,H,W]
/// as if concatenated along channels, plus `bias` [out]: [N,out,H,W], channels last if `x` is.
/// `weight` has C or C + D inputs.
at::Tensor convolution3x3(const at::Tensor& x, const Convolution3x3Weight& weight,
                          const at::Tensor& bias, const at::Tensor& skip = {});

/// The same with plain ATen operators: the reference for tests, and the fallback for devices,
/// shapes and types without a kernel.
at::Tensor convolution3x3_plain(const at::Tensor& x, const at::Tensor& weight,
                                const at::Tensor& bias, const at::Tensor& skip = {});

}  // namespace gm::ops
