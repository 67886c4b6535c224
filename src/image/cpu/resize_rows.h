/// The two passes of Resampler with the selected kernel set. Integer arithmetic: all sets give the
/// same pixels.
#pragma once

#include <cstdint>

namespace gm {

/// The weights of an output sum to 2^22: with 8-bit values the sum fits 32 bits, overshoot
/// included.
inline constexpr int kResizeWeightBits = 22;

/// The sums of the channels of a pixel; unused elements are zero.
using ResamplePixel = int32_t __attribute__((vector_size(16)));

/// Rows that are summed to one row, and their weights.
struct WeighedRows {
  const uint8_t* first;
  int64_t stride;
  const int32_t* weights;
  int64_t count;
};

/// The inputs and weights of the pixels of a row; the input begins at pixel first[0].
struct WeighedPixels {
  const uint8_t* input;
  const int64_t* first;
  const int64_t* count;
  const int32_t* weights;
  int64_t taps, width;
};

/// Writes the weighted sum of `rows` of `bytes` values. `sums` [bytes] is scratch memory.
using SumRows = void(const WeighedRows& rows, int64_t bytes, int32_t* sums, uint8_t* out);
/// Writes the row's pixels. `wide` is scratch memory for its inputs.
using SumPixels = void(const WeighedPixels& row, ResamplePixel* wide, uint8_t* out);

extern constinit SumRows* sum_rows_kernel;
extern constinit SumPixels* sum_grey_pixels_kernel;
extern constinit SumPixels* sum_rgb_pixels_kernel;

}  // namespace gm
