#include "image/resize.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace gm {

constinit SumRows* sum_rows_kernel = nullptr;
constinit SumPixels* sum_grey_pixels_kernel = nullptr;
constinit SumPixels* sum_rgb_pixels_kernel = nullptr;

Resampler::Axis::Axis(int64_t from, int64_t to, ResampleFilter filter) : is_identity(from == to) {
  ResizeWeights exact(from, to, filter);
  taps = exact.taps;
  first = std::move(exact.first);
  count = std::move(exact.count);
  weights.reserve(exact.weights.size());
  for (const double weight : exact.weights) {
    weights.push_back(static_cast<int32_t>(std::round(weight * (1 << kResizeWeightBits))));
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
  const auto sum_pixels = channels == 1 ? sum_grey_pixels_kernel : sum_rgb_pixels_kernel;
  wide_.resize(static_cast<size_t>(end - begin));
  for (int64_t y = 0; y < rows; ++y, input += from.stride, out += row_bytes) {
    if (horizontal_.is_identity) {
      std::copy_n(input, row_bytes, out);
    } else {
      sum_pixels({input, &horizontal_.first[left], &horizontal_.count[left],
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
    sum_rows_kernel(
        {from.bytes + (vertical_.first[i] - from.first_row) * from.stride, from.stride,
         &vertical_.weights[i * static_cast<size_t>(vertical_.taps)], vertical_.count[i]},
        row_bytes, sums_.data(), out);
  }
}

}  // namespace gm
