/// Winograd's convolution (winograd_tiles.h) for weights so large that they would not stay in a
/// near cache once transformed, and that touching them would cost more than the products: all tiles
/// go through one step together, and of the weight no more than a panel is transformed at a time,
/// where it is used. Threads share tiles, then the weight's channels.
///
/// All functions work on all threads and expect channels in multiples of 8. What they give does not
/// depend on the number of threads, but for the rounding of a bias's gradient.
#pragma once

#include <cstdint>

#include "nn/ops/cpu/images.h"
#include "nn/ops/cpu/winograd_tiles.h"

namespace gm::ops::GM_KERNEL_SET::winograd {

/// y = convolution of `count` images x with `taps` [in,out], plus `bias` [out] unless null.
void convolve_wide(const Images<const float>& x, int64_t count, const Taps<const float>& taps,
                   const float* bias, const Images<float>& y);

/// Sets `dtaps` [out,in] and `dbias` [out] to the gradients of the weight and of the bias, from
/// `count` images x and the gradients dy of their results, in one part.
void weight_gradient_wide(const Images<const float>& x, const Images<const float>& dy,
                          int64_t count, const Taps<float>& dtaps, float* dbias);

}  // namespace gm::ops::GM_KERNEL_SET::winograd
