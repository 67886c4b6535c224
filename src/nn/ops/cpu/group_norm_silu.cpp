// Group norm, scale and shift, SiLU and residual on the CPU: for each image [pixels,channels] two
// passes for the statistics and one for the result; two passes for the gradients.
#include <ATen/ATen.h>
#include <torch/library.h>

#include <cmath>
#include <vector>

#include "nn/ops/cpu/parallel.h"
#include "nn/ops/cpu/simd.h"
#include "nn/ops/cpu/takes.h"
#include "nn/ops/operator.h"

namespace gm::ops::GM_KERNEL_SET {

namespace {

using at::Tensor;

constexpr float kGroupNormEpsilon = 1e-5F;

struct Shape {
  int64_t pixels, channels, groups;

  int64_t group_channels() const { return channels / groups; }
  int64_t group_values() const { return pixels * group_channels(); }
};

struct Norm {
  const float* weight;  // [channels]
  const float* bias;    // [channels]
  const float* scale;   // [channels] or null
  const float* shift;   // [channels] or null

  float scale_of(int64_t c) const { return scale ? 1.0F + scale[c] : 1.0F; }
  float shift_of(int64_t c) const { return shift ? shift[c] : 0.0F; }
};

/// Work space for one image: a few numbers for each channel.
struct GroupNormScratch {
  explicit GroupNormScratch(int64_t channels)
      : a(channels), b(channels), c(channels), d(channels) {}
  std::vector<float> a, b, c, d;
};

/// sums[c] = sum over pixels of x[p,c].
GM_KERNEL void sum_channels(const float* x, const Shape& shape, float* sums) {
  for (int64_t c = 0; c < shape.channels; c += kLanes) {
    Lanes even = {}, odd = {};
    const float* at = x + c;
    for (int64_t p = 0; p + 1 < shape.pixels; p += 2, at += 2 * shape.channels) {
      even += load(at);
      odd += load(at + shape.channels);
    }
    if (shape.pixels % 2 != 0) even += load(at);
    store(sums + c, even + odd);
  }
}

/// sums[c] = sum over pixels of (x[p,c] - centers[c])^2.
GM_KERNEL void sum_squares(const float* x, const Shape& shape, const float* centers, float* sums) {
  for (int64_t c = 0; c < shape.channels; c += kLanes) {
    const Lanes center = load(centers + c);
    Lanes even = {}, odd = {};
    const float* at = x + c;
    for (int64_t p = 0; p + 1 < shape.pixels; p += 2, at += 2 * shape.channels) {
      const Lanes first = load(at) - center, second = load(at + shape.channels) - center;
      even += first * first;
      odd += second * second;
    }
    if (shape.pixels % 2 != 0) {
      const Lanes last = load(at) - center;
      even += last * last;
    }
    store(sums + c, even + odd);
  }
}

/// The sum of `values` over each group's channels.
float group_sum(const float* values, const Shape& shape, int64_t group) {
  float result = 0.0F;
  for (int64_t i = 0; i < shape.group_channels(); ++i) {
    result += values[group * shape.group_channels() + i];
  }
  return result;
}

/// The mean and the reciprocal standard deviation of each group, [groups,2]. Subtracts the mean
/// before squaring, so that a mean far from 0 costs no precision.
void compute_statistics(const float* x, const Shape& shape, GroupNormScratch& scratch,
                        float* statistics) {
  const auto values = static_cast<float>(shape.group_values());
  sum_channels(x, shape, scratch.a.data());
  for (int64_t g = 0; g < shape.groups; ++g) {
    statistics[2 * g] = group_sum(scratch.a.data(), shape, g) / values;
  }
  for (int64_t c = 0; c < shape.channels; ++c) {
    scratch.b[c] = statistics[2 * (c / shape.group_channels())];
  }
  sum_squares(x, shape, scratch.b.data(), scratch.a.data());
  for (int64_t g = 0; g < shape.groups; ++g) {
    const float variance = group_sum(scratch.a.data(), shape, g) / values;
    statistics[2 * g + 1] = 1.0F / std::sqrt(variance + kGroupNormEpsilon);
  }
}

/// Norm, scale and shift of a channel as one factor and one offset: u = factor[c] * x + offset[c].
void fold(const Norm& norm, const Shape& shape, const float* statistics, float* factor,
          float* offset) {
  for (int64_t c = 0; c < shape.channels; ++c) {
    const float* group = statistics + 2 * (c / shape.group_channels());
    const float gain = group[1] * norm.weight[c];
    factor[c] = gain * norm.scale_of(c);
    offset[c] = (norm.bias[c] - group[0] * gain) * norm.scale_of(c) + norm.shift_of(c);
  }
}

/// y = silu(factor * x + offset) + residual.
GM_KERNEL void apply(const float* x, const float* residual, const Shape& shape, const float* factor,
                     const float* offset, float* y) {
  for (int64_t p = 0; p < shape.pixels; ++p) {
    for (int64_t c = 0; c < shape.channels; c += kLanes) {
      const int64_t at = p * shape.channels + c;
      const Lanes u = load(factor + c) * load(x + at) + load(offset + c);
      Lanes result = u * sigmoid(u);
      if (residual) result += load(residual + at);
      store(y + at, result);
    }
  }
}

/// du = dy * silu'(factor * x + offset); for each channel the sums over pixels of du and of du *
/// (x - center).
GM_KERNEL void apply_backward(const float* dy, const float* x, const Shape& shape,
                              const float* factor, const float* offset, const float* statistics,
                              float* du, float* sums, float* centered_sums) {
  for (int64_t c = 0; c < shape.channels; c += kLanes) {
    Lanes center;
    for (int64_t i = 0; i < kLanes; ++i) {
      center[i] = statistics[2 * ((c + i) / shape.group_channels())];
    }
    const Lanes factors = load(factor + c), offsets = load(offset + c);
    Lanes sum = {}, centered_sum = {};
    for (int64_t p = 0; p < shape.pixels; ++p) {
      const int64_t at = p * shape.channels + c;
      const Lanes value = load(x + at);
      const Lanes u = factors * value + offsets;
      const Lanes s = sigmoid(u);
      const Lanes gradient = load(dy + at) * (s * (1.0F + u * (1.0F - s)));
      store(du + at, gradient);
      sum += gradient;
      centered_sum += gradient * (value - center);
    }
    store(sums + c, sum);
    store(centered_sums + c, centered_sum);
  }
}

/// dx = du_factor * du + x_factor * x + offset, in place of du.
GM_KERNEL void combine(const float* x, const Shape& shape, const float* du_factor,
                       const float* x_factor, const float* offset, float* du) {
  for (int64_t p = 0; p < shape.pixels; ++p) {
    for (int64_t c = 0; c < shape.channels; c += kLanes) {
      const int64_t at = p * shape.channels + c;
      store(du + at, load(du_factor + c) * load(du + at) +
                         (load(x_factor + c) * load(x + at) + load(offset + c)));
    }
  }
}

struct GroupNormGradients {
  float* weight;       // [channels]
  float* bias;         // [channels]
  float* scale_shift;  // [2*channels]
};

void backward_image(const float* dy, const float* x, const Norm& norm, const Shape& shape,
                    const float* statistics, GroupNormScratch& scratch, float* dx,
                    const GroupNormGradients& gradients) {
  float* factor = scratch.a.data();
  float* offset = scratch.b.data();
  float* sums = scratch.c.data();
  float* normed_sums = scratch.d.data();
  fold(norm, shape, statistics, factor, offset);
  apply_backward(dy, x, shape, factor, offset, statistics, dx, sums, normed_sums);

  // u = (weight * n + bias) * scale + shift with n = (x - mean) / deviation.
  for (int64_t c = 0; c < shape.channels; ++c) {
    normed_sums[c] *= statistics[2 * (c / shape.group_channels()) + 1];
    gradients.weight[c] = norm.scale_of(c) * normed_sums[c];
    gradients.bias[c] = norm.scale_of(c) * sums[c];
    gradients.scale_shift[c] = norm.weight[c] * normed_sums[c] + norm.bias[c] * sums[c];
    gradients.scale_shift[shape.channels + c] = sums[c];
  }

  // dx = (dn - mean(dn) - n * mean(dn * n)) / deviation with dn = weight * scale * du.
  const auto values = static_cast<float>(shape.group_values());
  for (int64_t g = 0; g < shape.groups; ++g) {
    const float mean = statistics[2 * g], inverse_deviation = statistics[2 * g + 1];
    float mean_dn = 0.0F, mean_dn_n = 0.0F;
    for (int64_t c = g * shape.group_channels(); c < (g + 1) * shape.group_channels(); ++c) {
      mean_dn += norm.weight[c] * norm.scale_of(c) * sums[c] / values;
      mean_dn_n += norm.weight[c] * norm.scale_of(c) * normed_sums[c] / values;
    }
    const float slope = -inverse_deviation * inverse_deviation * mean_dn_n;
    for (int64_t c = g * shape.group_channels(); c < (g + 1) * shape.group_channels(); ++c) {
      // factor[c] is weight * scale / deviation already.
      sums[c] = slope;
      normed_sums[c] = -inverse_deviation * mean_dn - slope * mean;
    }
  }
  combine(x, shape, factor, sums, normed_sums, dx);
}

const float* data_of(const Tensor& x) { return x.const_data_ptr<float>(); }

/// Row `n` of an optional tensor [N,...], or null.
const float* row_of(const OptionalTensor& x, int64_t n) {
  return x ? x->const_data_ptr<float>() + n * x->stride(0) : nullptr;
}

Norm norm_of(const Tensor& weight, const Tensor& bias, const OptionalTensor& scale_shift,
             int64_t n) {
  const float* scale = row_of(scale_shift, n);
  return {data_of(weight), data_of(bias), scale, scale ? scale + weight.numel() : nullptr};
}

OptionalTensor contiguous(const OptionalTensor& x) {
  return x ? OptionalTensor(x->contiguous()) : std::nullopt;
}

std::tuple<Tensor, Tensor> group_norm_silu_forward(const Tensor& x, const Tensor& weight,
                                                   const Tensor& bias, int64_t groups,
                                                   const OptionalTensor& scale_shift,
                                                   const OptionalTensor& residual) {
  const int64_t images = x.size(0);
  const Shape shape = {x.size(2) * x.size(3), x.size(1), groups};
  const int64_t values = shape.pixels * shape.channels;
  const Tensor gains = weight.contiguous(), shifts = bias.contiguous();
  const OptionalTensor scales = contiguous(scale_shift);
  Tensor y = at::empty_like(x);
  Tensor statistics = at::empty({images, groups, 2}, x.options(), at::MemoryFormat::Contiguous);
  const float* from = data_of(x);
  float* to = y.mutable_data_ptr<float>();
  float* group_statistics = statistics.mutable_data_ptr<float>();

  for_each_share(images, [&](int64_t, int64_t begin, int64_t end) {
    GroupNormScratch scratch(shape.channels);
    for (int64_t n = begin; n < end; ++n) {
      float* own = group_statistics + n * groups * 2;
      compute_statistics(from + n * values, shape, scratch, own);
      fold(norm_of(gains, shifts, scales, n), shape, own, scratch.a.data(), scratch.b.data());
      apply(from + n * values, row_of(residual, n), shape, scratch.a.data(), scratch.b.data(),
            to + n * values);
    }
  });
  return {y, statistics};
}

std::tuple<Tensor, Tensor, Tensor, Tensor> group_norm_silu_backward(
    const Tensor& dy, const Tensor& x, const Tensor& weight, const Tensor& bias,
    const OptionalTensor& scale_shift, const Tensor& statistics) {
  const int64_t images = x.size(0);
  const Shape shape = {x.size(2) * x.size(3), x.size(1), statistics.size(1)};
  const int64_t values = shape.pixels * shape.channels;
  const Tensor gains = weight.contiguous(), shifts = bias.contiguous();
  const OptionalTensor scales = contiguous(scale_shift);
  Tensor dx = at::empty_like(x);
  const Tensor dweight = at::empty({images, shape.channels}, weight.options());
  const Tensor dbias = at::empty({images, shape.channels}, weight.options());
  Tensor dscale_shift = at::empty({images, 2 * shape.channels}, weight.options());

  for_each_share(images, [&](int64_t, int64_t begin, int64_t end) {
    GroupNormScratch scratch(shape.channels);
    for (int64_t n = begin; n < end; ++n) {
      const GroupNormGradients gradients = {
          dweight.mutable_data_ptr<float>() + n * shape.channels,
          dbias.mutable_data_ptr<float>() + n * shape.channels,
          dscale_shift.mutable_data_ptr<float>() + n * 2 * shape.channels,
      };
      backward_image(data_of(dy) + n * values, data_of(x) + n * values,
                     norm_of(gains, shifts, scales, n), shape,
                     data_of(statistics) + n * shape.groups * 2, scratch,
                     dx.mutable_data_ptr<float>() + n * values, gradients);
    }
  });
  return {dx, dweight.sum(0), dbias.sum(0), dscale_shift};
}

}  // namespace

}  // namespace gm::ops::GM_KERNEL_SET

TORCH_LIBRARY_IMPL(gm, CPU, library) {
  using namespace gm::ops::GM_KERNEL_SET;
  if (!kernels_run_here()) return;
  library.impl("group_norm_silu_takes", [](const at::Tensor& x) { return gm::ops::cpu::takes(x); });
  library.impl("group_norm_silu_forward", &group_norm_silu_forward);
  library.impl("group_norm_silu_backward", &group_norm_silu_backward);
}
