#include "image/cpu/resize_rows.h"

#include <algorithm>

#include "base/cpu/simd.h"

namespace gm::GM_KERNEL_SET {

namespace {

constexpr int32_t kHalf = 1 << (kResizeWeightBits - 1);

GM_KERNEL void sum_rows(const WeighedRows& rows, int64_t bytes, int32_t* sums, uint8_t* out) {
  for (int64_t x = 0; x < bytes; ++x) sums[x] = kHalf;
  const uint8_t* row = rows.first;
  for (int64_t k = 0; k < rows.count; ++k, row += rows.stride) {
    for (int64_t x = 0; x < bytes; ++x) sums[x] += rows.weights[k] * row[x];
  }
  for (int64_t x = 0; x < bytes; ++x) {
    const int32_t value = sums[x] >> kResizeWeightBits;
    out[x] = static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
  }
}

template <int kChannels>
GM_INLINE void sum_pixels(const WeighedPixels& row, ResamplePixel* wide, uint8_t* out) {
  const int64_t last = row.width - 1, inputs = row.first[last] + row.count[last] - row.first[0];
  const uint8_t* input = row.input;
  for (int64_t i = 0; i < inputs; ++i, input += kChannels) {
    wide[i] = ResamplePixel{};
    for (int c = 0; c < kChannels; ++c) wide[i][c] = input[c];
  }
  const int32_t* weights = row.weights;
  for (int64_t x = 0; x < row.width; ++x, weights += row.taps, out += kChannels) {
    const ResamplePixel* pixel = wide + (row.first[x] - row.first[0]);
    ResamplePixel sums = ResamplePixel{} + kHalf;
    for (int64_t k = 0; k < row.count[x]; ++k) sums += weights[k] * pixel[k];
    sums >>= kResizeWeightBits;
    sums = sums < 0 ? ResamplePixel{} : sums;
    sums = sums > 255 ? ResamplePixel{} + 255 : sums;
    for (int c = 0; c < kChannels; ++c) out[c] = static_cast<uint8_t>(sums[c]);
  }
}

GM_KERNEL void sum_grey_pixels(const WeighedPixels& row, ResamplePixel* wide, uint8_t* out) {
  sum_pixels<1>(row, wide, out);
}

GM_KERNEL void sum_rgb_pixels(const WeighedPixels& row, ResamplePixel* wide, uint8_t* out) {
  sum_pixels<3>(row, wide, out);
}

const bool rows_in_use = use_kernel(sum_rows_kernel, sum_rows);
const bool grey_in_use = use_kernel(sum_grey_pixels_kernel, sum_grey_pixels);
const bool rgb_in_use = use_kernel(sum_rgb_pixels_kernel, sum_rgb_pixels);

}  // namespace

}  // namespace gm::GM_KERNEL_SET
