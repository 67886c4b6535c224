#include "eval/image_metrics.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"

namespace gm {
namespace {

/// One channel [H,W] of an image.
struct Plane {
  int64_t height, width;
  const double* values;
};
using Map = std::vector<double>;  // [H,W]

constexpr int64_t kRadius = 5;

std::array<double, 2 * kRadius + 1> gaussian_window() {
  constexpr double kSigma = 1.5;
  std::array<double, 2 * kRadius + 1> window{};
  double sum = 0;
  for (int64_t i = -kRadius; i <= kRadius; ++i) {
    const auto x = static_cast<double>(i);
    sum += window[static_cast<size_t>(i + kRadius)] = std::exp(-x * x / (2 * kSigma * kSigma));
  }
  for (double& weight : window) weight /= sum;
  return window;
}

/// The index `i`, mirrored into 0 .. n - 1 if it is outside.
int64_t mirrored(int64_t i, int64_t n) {
  if (i < 0) return -1 - i;
  return i < n ? i : 2 * n - 1 - i;
}

/// Weighted means over the windows around every pixel. The image is mirrored at its borders.
Map windowed(int64_t height, int64_t width, const Map& values) {
  static const auto window = gaussian_window();
  Map means(values.size());
  std::vector<double> row(static_cast<size_t>(width + 2 * kRadius));
  for (int64_t y = 0; y < height; ++y) {
    std::fill(row.begin(), row.end(), 0.0);
    for (int64_t i = -kRadius; i <= kRadius; ++i) {
      const double weight = window[static_cast<size_t>(i + kRadius)];
      const double* from = values.data() + mirrored(y + i, height) * width;
      for (int64_t x = 0; x < width; ++x) row[static_cast<size_t>(x + kRadius)] += weight * from[x];
    }
    for (int64_t x = -kRadius; x < width + kRadius; ++x)
      row[static_cast<size_t>(x + kRadius)] =
          row[static_cast<size_t>(mirrored(x, width) + kRadius)];
    double* to = means.data() + y * width;
    for (size_t i = 0; i < window.size(); ++i) {
      for (int64_t x = 0; x < width; ++x) to[x] += window[i] * row[static_cast<size_t>(x) + i];
    }
  }
  return means;
}

Map windowed_product(const Plane& a, const Plane& b) {
  Map product(static_cast<size_t>(a.height * a.width));
  for (size_t i = 0; i < product.size(); ++i) product[i] = a.values[i] * b.values[i];
  return windowed(a.height, a.width, product);
}

Map windowed(const Plane& plane) {
  return windowed(plane.height, plane.width,
                  Map(plane.values, plane.values + plane.height * plane.width));
}

/// The structural similarity of the windows around every pixel.
Map similarity(const Plane& a, const Plane& b) {
  constexpr double kC1 = 0.01 * 0.01, kC2 = 0.03 * 0.03;
  const Map mean_a = windowed(a), mean_b = windowed(b);
  const Map square_a = windowed_product(a, a), square_b = windowed_product(b, b);
  Map map = windowed_product(a, b);
  for (size_t i = 0; i < map.size(); ++i) {
    const double product = mean_a[i] * mean_b[i];
    const double squares = mean_a[i] * mean_a[i] + mean_b[i] * mean_b[i];
    const double covariance = map[i] - product;
    const double variances = square_a[i] + square_b[i] - squares;
    map[i] = (2 * product + kC1) * (2 * covariance + kC2) / ((squares + kC1) * (variances + kC2));
  }
  return map;
}

/// Sums over some pixels of some channels.
struct Sums {
  int64_t values = 0, windows = 0;
  double squares = 0, absolutes = 0, similarities = 0;

  void add(double difference) {
    ++values;
    squares += difference * difference;
    absolutes += std::abs(difference);
  }
  void add_window(double window_similarity) {
    ++windows;
    similarities += window_similarity;
  }

  ReconstructionMetrics metrics() const {
    const auto count = static_cast<double>(values);
    const double error = std::max(squares / count, std::pow(10.0, -kLargestPsnr / 10));
    return {-10 * std::log10(error), similarities / static_cast<double>(windows),
            absolutes / count};
  }
};

bool fits_window(const Plane& plane, int64_t y, int64_t x) {
  return y >= kRadius && x >= kRadius && y < plane.height - kRadius && x < plane.width - kRadius;
}

void add_channel(const Plane& image, const Plane& original, const double* mask, Sums& whole,
                 Sums& masked) {
  const Map map = similarity(image, original);
  for (int64_t y = 0; y < image.height; ++y) {
    for (int64_t x = 0; x < image.width; ++x) {
      const int64_t i = y * image.width + x;
      const double difference = image.values[i] - original.values[i];
      whole.add(difference);
      if (fits_window(image, y, x)) whole.add_window(map[static_cast<size_t>(i)]);
      if (mask[i] <= 0.5) continue;
      masked.add(difference);
      masked.add_window(map[static_cast<size_t>(i)]);
    }
  }
}

/// Sum of the squared differences of neighbouring pixels in the masked area.
double gradient_energy(const Plane& plane, const double* mask) {
  double energy = 0;
  const auto add = [&](int64_t i, int64_t neighbour) {
    if (mask[i] <= 0.5 || mask[neighbour] <= 0.5) return;
    const double difference = plane.values[i] - plane.values[neighbour];
    energy += difference * difference;
  };
  for (int64_t y = 0; y < plane.height; ++y) {
    for (int64_t x = 0; x < plane.width; ++x) {
      const int64_t i = y * plane.width + x;
      if (x + 1 < plane.width) add(i, i + 1);
      if (y + 1 < plane.height) add(i, i + plane.width);
    }
  }
  return energy;
}

/// All three tensors are [C or 1,H,W], dense.
ImageMetrics metrics_of(const at::Tensor& image, const at::Tensor& original,
                        const at::Tensor& mask) {
  const int64_t height = image.size(1), width = image.size(2);
  const auto* missing = mask.const_data_ptr<double>();
  ImageMetrics metrics;
  Sums whole, masked;
  for (int64_t c = 0; c < image.size(0); ++c) {
    const auto plane = [&](const at::Tensor& of) {
      return Plane{height, width, of.const_data_ptr<double>() + c * height * width};
    };
    add_channel(plane(image), plane(original), missing, whole, masked);
    metrics.gradient_energy += gradient_energy(plane(image), missing);
    metrics.original_gradient_energy += gradient_energy(plane(original), missing);
  }
  metrics.missing = static_cast<double>(masked.values) / static_cast<double>(whole.values);
  metrics.whole = whole.metrics();
  metrics.masked = masked.metrics();
  return metrics;
}

at::Tensor to_unit(const at::Tensor& images) {
  return images.detach().to(at::kCPU, at::kDouble).clamp(-1, 1).add(1).mul(0.5).contiguous();
}

}  // namespace

void require_measurable(int64_t height, int64_t width) {
  if (std::min(height, width) >= kSmallestMeasuredSide) return;
  throw InputError(
      "images of {} x {} pixels are too small to be evaluated: SSIM uses windows of {} x {}", width,
      height, kSmallestMeasuredSide, kSmallestMeasuredSide);
}

std::vector<ImageMetrics> image_metrics(const at::Tensor& images, const at::Tensor& originals,
                                        const at::Tensor& masks) {
  if (images.dim() != 4 || images.sizes() != originals.sizes() ||
      masks.sizes() != at::IntArrayRef({images.size(0), 1, images.size(2), images.size(3)})) {
    throw Error("images, originals and masks to compare differ in shape");
  }
  require_measurable(images.size(2), images.size(3));
  const at::Tensor unit = to_unit(images), unit_originals = to_unit(originals);
  const at::Tensor missing = masks.detach().to(at::kCPU, at::kDouble).contiguous();
  std::vector<ImageMetrics> qualities(static_cast<size_t>(images.size(0)));
  at::parallel_for(0, images.size(0), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      qualities[static_cast<size_t>(i)] = metrics_of(unit[i], unit_originals[i], missing[i]);
  });
  return qualities;
}

}  // namespace gm
