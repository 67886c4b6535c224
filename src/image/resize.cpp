#include "image/resize.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace gm {
namespace {

/// Weights of one axis sum to 2^22: with 8-bit values the sum fits 32 bits, overshoot included.
constexpr int kWeightBits = 22;
constexpr int32_t kHalf = 1 << (kWeightBits - 1);

uint8_t rounded(int32_t sum) {
  return static_cast<uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

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

#define GM_PART [[gnu::always_inline]] inline

GM_PART void resize_column_here(const WeighedRows& rows, int64_t bytes, int32_t* sums,
                                uint8_t* out) {
  std::fill_n(sums, bytes, kHalf);
  const uint8_t* row = rows.first;
  for (int64_t k = 0; k < rows.count; ++k, row += rows.stride) {
    for (int64_t x = 0; x < bytes; ++x) sums[x] += rows.weights[k] * row[x];
  }
  for (int64_t x = 0; x < bytes; ++x) out[x] = rounded(sums[x]);
}

template <int kChannels>
GM_PART void resize_row_here(const WeighedPixels& row, ResamplePixel* wide, uint8_t* out) {
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
    sums >>= kWeightBits;
    sums = sums < 0 ? ResamplePixel{} : sums;
    sums = sums > 255 ? ResamplePixel{} + 255 : sums;
    for (int c = 0; c < kChannels; ++c) out[c] = static_cast<uint8_t>(sums[c]);
  }
}

struct Kernels {
  void (*resize_column)(const WeighedRows& rows, int64_t bytes, int32_t* sums, uint8_t* out);
  void (*resize_grey_row)(const WeighedPixels& row, ResamplePixel* wide, uint8_t* out);
  void (*resize_rgb_row)(const WeighedPixels& row, ResamplePixel* wide, uint8_t* out);
};

/// Defines a Kernels `name` of functions that are compiled with `attribute`.
#define GM_DEFINE_KERNELS(name, attribute)                                                      \
  attribute void name##_column(const WeighedRows& rows, int64_t bytes, int32_t* sums,           \
                               uint8_t* out) {                                                  \
    resize_column_here(rows, bytes, sums, out);                                                 \
  }                                                                                             \
  attribute void name##_grey_row(const WeighedPixels& row, ResamplePixel* wide, uint8_t* out) { \
    resize_row_here<1>(row, wide, out);                                                         \
  }                                                                                             \
  attribute void name##_rgb_row(const WeighedPixels& row, ResamplePixel* wide, uint8_t* out) {  \
    resize_row_here<3>(row, wide, out);                                                         \
  }                                                                                             \
  constexpr Kernels name { name##_column, name##_grey_row, name##_rgb_row }

GM_DEFINE_KERNELS(plain_kernels, );
#if defined(__x86_64__)
// A second version for processors with AVX2.
GM_DEFINE_KERNELS(avx2_kernels, __attribute__((target("avx2"))));
const Kernels& kernels = __builtin_cpu_supports("avx2") ? avx2_kernels : plain_kernels;
#else
const Kernels& kernels = plain_kernels;
#endif

}  // namespace

Resampler::Axis::Axis(int64_t from, int64_t to, ResampleFilter filter) : is_identity(from == to) {
  ResizeWeights exact(from, to, filter);
  taps = exact.taps;
  first = std::move(exact.first);
  count = std::move(exact.count);
  weights.reserve(exact.weights.size());
  for (const double weight : exact.weights) {
    weights.push_back(static_cast<int32_t>(std::round(weight * (1 << kWeightBits))));
  }
}

std::pair<int64_t, int64_t> Resampler::Axis::inputs(int64_t first_output, int64_t outputs) const {
  if (is_identity) return {first_output, first_output + outputs};
  const auto last = static_cast<size_t>(first_output + outputs - 1);
  return {first[static_cast<size_t>(first_output)], first[last] + count[last]};
}

Resampler::Resampler(const ImageShape& from, int64_t height, int64_t width, ResampleFilter filter)
    : from_(from),
      height_(height),
      width_(width),
      vertical_(from.height, height, filter),
      horizontal_(from.width, width, filter) {}

void Resampler::resize(std::span<const uint8_t> pixels, std::span<uint8_t> resized) {
  resize(pixels, {0, 0, height_, width_}, resized);
}

void Resampler::resize(std::span<const uint8_t> pixels, const Window& window,
                       std::span<uint8_t> resized) {
  const int64_t channels = from_.channels, stride = from_.width * channels;
  // Like Pillow (its pull request 9549): vertical first if heights shrink by more than twice as
  // many pixels as widths. The order affects the result, because values are rounded between the
  // passes.
  const bool vertical_first =
      from_.height > height_ && from_.height - height_ > 2 * (from_.width - width_);
  if (vertical_first) {
    const auto [begin, end] = horizontal_.inputs(window.left, window.width);
    const int64_t row_bytes = (end - begin) * channels;
    between_.resize(static_cast<size_t>(window.height * row_bytes));
    resize_vertically({pixels.data() + begin * channels, stride, 0, begin}, row_bytes, window,
                      between_.data());
    resize_horizontally({between_.data(), row_bytes, window.top, begin}, window.height, window,
                        resized.data());
  } else {
    const auto [begin, end] = vertical_.inputs(window.top, window.height);
    const int64_t row_bytes = window.width * channels;
    between_.resize(static_cast<size_t>((end - begin) * row_bytes));
    resize_horizontally({pixels.data() + begin * stride, stride, begin, 0}, end - begin, window,
                        between_.data());
    resize_vertically({between_.data(), row_bytes, begin, window.left}, row_bytes, window,
                      resized.data());
  }
}

void Resampler::resize_horizontally(const Rows& from, int64_t rows, const Window& window,
                                    uint8_t* out) {
  const int64_t channels = from_.channels, row_bytes = window.width * channels;
  const auto [begin, end] = horizontal_.inputs(window.left, window.width);
  const uint8_t* input = from.bytes + (begin - from.first_column) * channels;
  const auto left = static_cast<size_t>(window.left);
  const auto resize_row = channels == 1 ? kernels.resize_grey_row : kernels.resize_rgb_row;
  wide_.resize(static_cast<size_t>(end - begin));
  for (int64_t y = 0; y < rows; ++y, input += from.stride, out += row_bytes) {
    if (horizontal_.is_identity) {
      std::copy_n(input, row_bytes, out);
    } else {
      resize_row({input, &horizontal_.first[left], &horizontal_.count[left],
                  &horizontal_.weights[left * static_cast<size_t>(horizontal_.taps)],
                  horizontal_.taps, window.width},
                 wide_.data(), out);
    }
  }
}

void Resampler::resize_vertically(const Rows& from, int64_t row_bytes, const Window& window,
                                  uint8_t* out) {
  sums_.resize(static_cast<size_t>(row_bytes));
  for (int64_t y = window.top; y < window.top + window.height; ++y, out += row_bytes) {
    if (vertical_.is_identity) {
      std::copy_n(from.bytes + (y - from.first_row) * from.stride, row_bytes, out);
      continue;
    }
    const auto i = static_cast<size_t>(y);
    kernels.resize_column(
        {from.bytes + (vertical_.first[i] - from.first_row) * from.stride, from.stride,
         &vertical_.weights[i * static_cast<size_t>(vertical_.taps)], vertical_.count[i]},
        row_bytes, sums_.data(), out);
  }
}

}  // namespace gm
