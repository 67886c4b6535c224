#include "data/resample.h"

#include <algorithm>
#include <cmath>
#include <cstring>

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

template <int kChannels>
void resize_row(const uint8_t* row, const int64_t* first, const int64_t* count,
                const int32_t* weights, int64_t taps, int64_t width, uint8_t* out) {
  for (int64_t x = 0; x < width; ++x, weights += taps, out += kChannels) {
    const uint8_t* pixel = row + first[x] * kChannels;
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
  const auto top = static_cast<size_t>(window.top);
  const auto bottom = static_cast<size_t>(window.top + window.height - 1);
  const int64_t first_row = vertical_.is_identity ? window.top : vertical_.first[top];
  const int64_t end_row = vertical_.is_identity ? window.top + window.height
                                                : vertical_.first[bottom] + vertical_.count[bottom];
  rows_.resize(static_cast<size_t>((end_row - first_row) * window.width * from_.channels));
  resize_rows(pixels.data() + first_row * from_.width * from_.channels, end_row - first_row, window,
              rows_.data());
  resize_columns(rows_.data(), first_row, window, resized.data());
}

void Resampler::resize_rows(const uint8_t* pixels, int64_t rows, const Window& window,
                            uint8_t* out) const {
  const int64_t in_stride = from_.width * from_.channels;
  const int64_t out_stride = window.width * from_.channels;
  const auto resize_one = from_.channels == 1 ? resize_row<1> : resize_row<3>;
  for (int64_t y = 0; y < rows; ++y, pixels += in_stride, out += out_stride) {
    if (horizontal_.is_identity) {
      std::memcpy(out, pixels + window.left * from_.channels, static_cast<size_t>(out_stride));
    } else {
      resize_one(pixels, &horizontal_.first[static_cast<size_t>(window.left)],
                 &horizontal_.count[static_cast<size_t>(window.left)],
                 &horizontal_.weights[static_cast<size_t>(window.left * horizontal_.taps)],
                 horizontal_.taps, window.width, out);
    }
  }
}

void Resampler::resize_columns(const uint8_t* rows, int64_t first_row, const Window& window,
                               uint8_t* out) {
  const int64_t stride = window.width * from_.channels;
  if (vertical_.is_identity) {
    std::memcpy(out, rows, static_cast<size_t>(window.height * stride));
    return;
  }
  sums_.resize(static_cast<size_t>(stride));
  for (int64_t y = window.top; y < window.top + window.height; ++y, out += stride) {
    std::fill(sums_.begin(), sums_.end(), kHalf);
    for (int64_t k = 0; k < vertical_.count[static_cast<size_t>(y)]; ++k) {
      const int32_t weight = vertical_.weights[static_cast<size_t>(y * vertical_.taps + k)];
      const uint8_t* row =
          rows + (vertical_.first[static_cast<size_t>(y)] + k - first_row) * stride;
      for (int64_t x = 0; x < stride; ++x) sums_[static_cast<size_t>(x)] += weight * row[x];
    }
    for (int64_t x = 0; x < stride; ++x) out[x] = rounded(sums_[static_cast<size_t>(x)]);
  }
}

}  // namespace gm
