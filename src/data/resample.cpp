#include "data/resample.h"

#include <algorithm>
#include <cmath>

namespace gm {
namespace {

/// Weights of one axis sum to 2^22: with 8-bit values the sum fits 32 bits, overshoot included.
constexpr int kWeightBits = 22;
constexpr int32_t kHalf = 1 << (kWeightBits - 1);

double triangle(double x) { return std::max(0.0, 1.0 - std::abs(x)); }

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
  return 0.0;
}

uint8_t rounded(int32_t sum) {
  return static_cast<uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

void add_weighted(const uint8_t* row, int32_t weight, std::vector<int32_t>& sums) {
  int32_t* sum = sums.data();
  for (size_t x = 0; x < sums.size(); ++x) sum[x] += weight * row[x];
}

/// `row` begins at pixel `first_column` of the picture that `first` counts in.
template <int kChannels>
void resize_row(const uint8_t* row, int64_t first_column, const int64_t* first,
                const int64_t* count, const int32_t* weights, int64_t taps, int64_t width,
                uint8_t* out) {
  for (int64_t x = 0; x < width; ++x, weights += taps, out += kChannels) {
    const uint8_t* pixel = row + (first[x] - first_column) * kChannels;
    int32_t sums[kChannels];
    for (int c = 0; c < kChannels; ++c) sums[c] = kHalf;
    for (int64_t k = 0; k < count[x]; ++k, pixel += kChannels) {
      for (int c = 0; c < kChannels; ++c) sums[c] += weights[k] * pixel[c];
    }
    for (int c = 0; c < kChannels; ++c) out[c] = rounded(sums[c]);
  }
}

}  // namespace

Resampler::Axis::Axis(int64_t from, int64_t to, ResampleFilter filter) : is_identity(from == to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double widening = std::max(scale, 1.0);
  const double support = (filter == ResampleFilter::kBicubic ? 2.0 : 1.0) * widening;
  const auto function = filter == ResampleFilter::kBicubic ? cubic : triangle;
  taps = 2 * static_cast<int64_t>(std::ceil(support)) + 1;
  weights.resize(static_cast<size_t>(to * taps));
  std::vector<double> exact(static_cast<size_t>(taps));
  for (int64_t i = 0; i < to; ++i) {
    const double center = (static_cast<double>(i) + 0.5) * scale;
    const auto begin = std::max<int64_t>(0, static_cast<int64_t>(center - support + 0.5));
    const auto end = std::min<int64_t>(from, static_cast<int64_t>(center + support + 0.5));
    double sum = 0.0;
    for (int64_t k = 0; k < end - begin; ++k) {
      const double weight =
          function((static_cast<double>(k + begin) - center + 0.5) * (1.0 / widening));
      exact[static_cast<size_t>(k)] = weight;
      sum += weight;
    }
    for (int64_t k = 0; k < end - begin; ++k) {
      const double weight = exact[static_cast<size_t>(k)] / sum * (1 << kWeightBits);
      weights[static_cast<size_t>(i * taps + k)] = static_cast<int32_t>(std::round(weight));
    }
    first.push_back(begin);
    count.push_back(end - begin);
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
  // Pillow begins with the axis whose result is smaller once heights shrink by more than twice what
  // widths do (its pull request 9549); the order shows, as values are rounded in between.
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
                                    uint8_t* out) const {
  const int64_t channels = from_.channels, row_bytes = window.width * channels;
  const auto left = static_cast<size_t>(window.left);
  const auto resize_one = channels == 1 ? resize_row<1> : resize_row<3>;
  for (int64_t y = 0; y < rows; ++y, out += row_bytes) {
    const uint8_t* row = from.bytes + y * from.stride;
    if (horizontal_.is_identity) {
      std::copy_n(row + (window.left - from.first_column) * channels, row_bytes, out);
    } else {
      resize_one(row, from.first_column, &horizontal_.first[left], &horizontal_.count[left],
                 &horizontal_.weights[left * static_cast<size_t>(horizontal_.taps)],
                 horizontal_.taps, window.width, out);
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
    const int32_t* weights = &vertical_.weights[i * static_cast<size_t>(vertical_.taps)];
    const uint8_t* row = from.bytes + (vertical_.first[i] - from.first_row) * from.stride;
    std::fill(sums_.begin(), sums_.end(), kHalf);
    for (int64_t k = 0; k < vertical_.count[i]; ++k, row += from.stride)
      add_weighted(row, weights[k], sums_);
    for (int64_t x = 0; x < row_bytes; ++x) out[x] = rounded(sums_[static_cast<size_t>(x)]);
  }
}

}  // namespace gm
