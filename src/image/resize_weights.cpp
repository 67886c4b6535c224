#include "image/resize_weights.h"

#include <algorithm>
#include <cmath>

namespace gm {
namespace {

double triangle(double x) { return std::max(0.0, 1.0 - std::abs(x)); }

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
  return 0.0;
}

}  // namespace

ResizeWeights::ResizeWeights(int64_t from, int64_t to, ResampleFilter filter) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double widening = std::max(scale, 1.0);
  const double support = (filter == ResampleFilter::kBicubic ? 2.0 : 1.0) * widening;
  const auto function = filter == ResampleFilter::kBicubic ? cubic : triangle;
  taps = 2 * static_cast<int64_t>(std::ceil(support)) + 1;
  weights.resize(static_cast<size_t>(to * taps));
  for (int64_t i = 0; i < to; ++i) {
    double* const of_output = weights.data() + i * taps;
    const double center = (static_cast<double>(i) + 0.5) * scale;
    const auto begin = std::max<int64_t>(0, static_cast<int64_t>(center - support + 0.5));
    const auto end = std::min<int64_t>(from, static_cast<int64_t>(center + support + 0.5));
    double sum = 0.0;
    for (int64_t k = 0; k < end - begin; ++k) {
      of_output[k] = function((static_cast<double>(k + begin) - center + 0.5) * (1.0 / widening));
      sum += of_output[k];
    }
    for (int64_t k = 0; k < end - begin; ++k) of_output[k] /= sum;
    first.push_back(begin);
    count.push_back(end - begin);
  }
}

}  // namespace gm
