#include "diffusion/slerp.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "device/transfer.h"

namespace gm {
namespace {

/// The values of image `n` of a contiguous float tensor on the CPU.
std::span<const float> values_of(const at::Tensor& images, int64_t n) {
  const auto count = static_cast<size_t>(images.numel() / images.size(0));
  return {images.const_data_ptr<float>() + static_cast<size_t>(n) * count, count};
}

/// In order and in double precision, so that the sum does not depend on threads or the batch.
double dot(std::span<const float> a, std::span<const float> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0, std::plus<>(),
                            [](double x, double y) { return x * y; });
}

double angle_between(std::span<const float> a, std::span<const float> b) {
  return std::acos(std::clamp(dot(a, b) / std::sqrt(dot(a, a) * dot(b, b)), -1.0, 1.0));
}

}  // namespace

at::Tensor slerp(const at::Tensor& from, const at::Tensor& to, const at::Tensor& fractions) {
  const at::Tensor on_host = download(from).contiguous(), to_on_host = download(to).contiguous();
  const at::Tensor weights = at::empty({2, from.size(0), 1, 1, 1}, at::kDouble);
  const auto fraction = fractions.accessor<double, 1>();
  auto weight = weights.accessor<double, 5>();
  for (int64_t n = 0; n < from.size(0); ++n) {
    const double angle = angle_between(values_of(on_host, n), values_of(to_on_host, n));
    const bool is_arc = std::sin(angle) > 1e-6;  // otherwise all points of it are on a line
    const auto part = [&](double f) { return is_arc ? std::sin(f * angle) / std::sin(angle) : f; };
    weight[0][n][0][0][0] = part(1 - fraction[n]);
    weight[1][n][0][0][0] = part(fraction[n]);
  }
  const at::Tensor on_device = upload(weights.to(from.scalar_type()), from.device());
  return from * on_device[0] + to * on_device[1];
}

}  // namespace gm
