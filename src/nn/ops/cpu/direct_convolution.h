/// Direct 3x3 convolutions (stride 1, zero padding): one matrix product for each row of pixels and
/// each row of taps. For images that are smaller than Winograd's tiles.
///
/// All functions run on the calling thread and expect channels in multiples of 8.
#pragma once

#include <cstdint>

#include "nn/ops/cpu/images.h"

namespace gm::ops::GM_KERNEL_SET::direct {

/// The number of taps.
inline constexpr int64_t kTaps = 9;

/// Floats of scratch memory that the functions below need for images of this size. `channels` is
/// the sum of the input and the output channels.
int64_t scratch_size(int64_t height, int64_t width, int64_t channels);

/// y = convolution of `count` images x with `packed_weight` [3,3,in,out], plus `bias` [C] unless
/// null.
void convolve(const Images<const float>& x, int64_t count, const float* packed_weight,
              const float* bias, const Images<float>& y, float* scratch);

/// Sets `dpacked_weight` [3,3,out,in] to the gradient of the weight and `dbias` [out] to that of
/// the bias, from `count` images x and the gradients dy of their results. dy must have one channel
/// part.
void weight_gradient(const Images<const float>& x, const Images<const float>& dy, int64_t count,
                     float* dpacked_weight, float* dbias, float* scratch);

}  // namespace gm::ops::GM_KERNEL_SET::direct
