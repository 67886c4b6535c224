// Layer norm over the channels of each pixel on the CPU. Backward recomputes the statistics, which
// is cheaper than keeping them.
#include <ATen/ATen.h>
#include <torch/library.h>

#include <cmath>
#include <optional>

#include "nn/ops/cpu/parallel.h"
#include "nn/ops/cpu/simd.h"
#include "nn/ops/cpu/takes.h"

namespace gm::ops::GM_KERNEL_SET {

namespace {

using at::Tensor;

constexpr float kLayerNormEpsilon = 1e-5F;

struct PixelStatistics {
  float mean;
  float inverse_deviation;
};

GM_INLINE PixelStatistics statistics_of(const float* x, int64_t channels) {
  const auto count = static_cast<float>(channels);
  Lanes sums = {};
  for (int64_t c = 0; c < channels; c += kLanes) sums += load(x + c);
  const float mean = sum(sums) / count;
  Lanes squares = {};
  for (int64_t c = 0; c < channels; c += kLanes) {
    const Lanes centered = load(x + c) - mean;
    squares += centered * centered;
  }
  return {mean, 1.0F / std::sqrt(sum(squares) / count + kLayerNormEpsilon)};
}

/// `residual` may be null.
GM_KERNEL void forward_pixels(const float* x, const float* gain, const float* residual,
                              int64_t pixels, int64_t channels, float* y) {
  for (int64_t at = 0; at < pixels * channels; at += channels) {
    const auto [mean, inverse_deviation] = statistics_of(x + at, channels);
    for (int64_t c = 0; c < channels; c += kLanes) {
      Lanes result = (load(x + at + c) - mean) * inverse_deviation * load(gain + c);
      if (residual) result += load(residual + at + c);
      store(y + at + c, result);
    }
  }
}

/// With n the normalised pixel and dn = dy * gain:
/// dx = (dn - mean(dn) - n * mean(dn * n)) / deviation, dgain += dy * n.
GM_KERNEL void backward_pixels(const float* dy, const float* x, const float* gain, int64_t pixels,
                               int64_t channels, float* dx, float* dgain) {
  const auto count = static_cast<float>(channels);
  for (int64_t at = 0; at < pixels * channels; at += channels) {
    const auto [mean, inverse_deviation] = statistics_of(x + at, channels);
    Lanes sums = {}, normed_sums = {};
    for (int64_t c = 0; c < channels; c += kLanes) {
      const Lanes normed = (load(x + at + c) - mean) * inverse_deviation;
      const Lanes gradient = load(dy + at + c);
      store(dgain + c, load(dgain + c) + gradient * normed);
      const Lanes dn = gradient * load(gain + c);
      sums += dn;
      normed_sums += dn * normed;
    }
    const float mean_dn = sum(sums) / count, mean_dn_n = sum(normed_sums) / count;
    for (int64_t c = 0; c < channels; c += kLanes) {
      const Lanes normed = (load(x + at + c) - mean) * inverse_deviation;
      const Lanes dn = load(dy + at + c) * load(gain + c);
      store(dx + at + c, (dn - mean_dn - normed * mean_dn_n) * inverse_deviation);
    }
  }
}

Tensor channel_layer_norm_forward(const Tensor& x, const Tensor& gain,
                                  const std::optional<Tensor>& residual) {
  const int64_t channels = x.size(1), pixels = x.size(2) * x.size(3);
  const Tensor gains = gain.contiguous();
  Tensor y = at::empty_like(x);
  for_each_share(x.size(0), [&](int64_t, int64_t begin, int64_t end) {
    const int64_t at = begin * pixels * channels;
    forward_pixels(x.const_data_ptr<float>() + at, gains.const_data_ptr<float>(),
                   residual ? residual->const_data_ptr<float>() + at : nullptr,
                   (end - begin) * pixels, channels, y.mutable_data_ptr<float>() + at);
  });
  return y;
}

std::tuple<Tensor, Tensor> channel_layer_norm_backward(const Tensor& dy, const Tensor& x,
                                                       const Tensor& gain) {
  const int64_t channels = x.size(1), pixels = x.size(2) * x.size(3);
  const Tensor gains = gain.contiguous();
  Tensor dx = at::empty_like(x);
  // One sum per image: a float sum over the whole batch would lose precision.
  const Tensor dgain = at::zeros({x.size(0), channels}, gain.options());
  for_each_share(x.size(0), [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const int64_t at = n * pixels * channels;
      backward_pixels(dy.const_data_ptr<float>() + at, x.const_data_ptr<float>() + at,
                      gains.const_data_ptr<float>(), pixels, channels,
                      dx.mutable_data_ptr<float>() + at,
                      dgain.mutable_data_ptr<float>() + n * channels);
    }
  });
  return {dx, dgain.sum(0).view_as(gain)};
}

}  // namespace

}  // namespace gm::ops::GM_KERNEL_SET

TORCH_LIBRARY_IMPL(gm, CPU, library) {
  using namespace gm::ops::GM_KERNEL_SET;
  if (!kernels_run_here()) return;
  library.impl("channel_layer_norm_takes",
               [](const at::Tensor& x) { return gm::ops::cpu::takes(x); });
  library.impl("channel_layer_norm_forward", &channel_layer_norm_forward);
  library.impl("channel_layer_norm_backward", &channel_layer_norm_backward);
}
