/// Winograd's convolution (winograd_tiles.h) for large weights. Their transform would not fit in a
/// near cache, and reading it would cost more than the products. So all tiles pass through each
/// step together, and only a panel of the weight is transformed at a time, where it is used.
/// Threads share the tiles, then the weight's channels.
///
/// All functions use all threads and expect channels in multiples of 8. Their results do not depend
/// on the number of threads, except for the rounding of a bias's gradient.
#pragma once

#include <cstdint>

#include "nn/ops/cpu/images.h"
#include "nn/ops/cpu/winograd_tiles.h"

namespace gm::ops::GM_KERNEL_SET::winograd {

/// y = convolution of `count` images x with `taps` [in,out], plus `bias` [out] unless null.
void convolve_nonfused(const Images<const float>& x, int64_t count, const Taps<const float>& taps,
                       const float* bias, const Images<float>& y);

/// Sets `dtaps` [out,in] and `dbias` [out] to the gradients of the weight and of the bias, from
/// `count` images x and the gradients dy of their results. dy must have one channel part.
void weight_gradient_nonfused(const Images<const float>& x, const Images<const float>& dy,
                              int64_t count, const Taps<float>& dtaps, float* dbias);

}  // namespace gm::ops::GM_KERNEL_SET::winograd
