// Weight standardisation on the CPU. The weights of an output channel, [in,h*w] in the parameter
// and [h*w,in] in the result, are contiguous.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "nn/ops/cpu/gemm.h"
#include "nn/ops/cpu/simd.h"

namespace gm::ops::GM_KERNEL_SET {

namespace {

using at::Tensor;

constexpr float kStandardizeEpsilon = 1e-5F;
/// Minimum number of output channels per thread: a few microseconds of work.
constexpr int64_t kFiltersPerTask = 16;

/// `count` need not be a multiple of a vector's length: the rest is added one by one.
GM_KERNEL float sum_of(const float* x, int64_t count) {
  Lanes sums = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) sums += load(x + i);
  float result = sum(sums);
  for (; i < count; ++i) result += x[i];
  return result;
}

GM_KERNEL float dot(const float* x, const float* y, int64_t count) {
  Lanes sums = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) sums += load(x + i) * load(y + i);
  float result = sum(sums);
  for (; i < count; ++i) result += x[i] * y[i];
  return result;
}

std::tuple<Tensor, Tensor> standardize_weight_forward(const Tensor& weight) {
  TORCH_CHECK(weight.scalar_type() == at::kFloat && weight.is_contiguous(),
              "standardize_weight needs float32, contiguous weights");
  const int64_t inputs = weight.size(1), area = weight.size(2) * weight.size(3);
  const int64_t count = inputs * area;
  Tensor standardized = at::empty_like(weight, at::MemoryFormat::ChannelsLast);
  Tensor inverse_deviation = at::empty({weight.size(0)}, weight.options());
  at::parallel_for(0, weight.size(0), kFiltersPerTask, [&](int64_t begin, int64_t end) {
    std::vector<float> centered(count);
    for (int64_t o = begin; o < end; ++o) {
      const float* row = weight.const_data_ptr<float>() + o * count;
      const float mean = sum_of(row, count) / static_cast<float>(count);
      std::transform(row, row + count, centered.begin(), [=](float w) { return w - mean; });
      const float variance =
          dot(centered.data(), centered.data(), count) / static_cast<float>(count);
      const float factor = 1.0F / std::sqrt(variance + kStandardizeEpsilon);
      for (float& w : centered) w *= factor;
      transpose(inputs, area, centered.data(), area,
                standardized.mutable_data_ptr<float>() + o * count, inputs);
      inverse_deviation.mutable_data_ptr<float>()[o] = factor;
    }
  });
  return {standardized, inverse_deviation};
}

/// dw = (dy - mean(dy) - y * mean(dy * y)) / deviation with y the standardised weights.
Tensor standardize_weight_backward(const Tensor& dstandardized, const Tensor& standardized,
                                   const Tensor& inverse_deviation) {
  const int64_t inputs = standardized.size(1);
  const int64_t area = standardized.size(2) * standardized.size(3);
  const int64_t count = inputs * area;
  Tensor dweight = at::empty_like(standardized, at::MemoryFormat::Contiguous);
  at::parallel_for(0, standardized.size(0), kFiltersPerTask, [&](int64_t begin, int64_t end) {
    std::vector<float> gradient(count);
    for (int64_t o = begin; o < end; ++o) {
      const float* dy = dstandardized.const_data_ptr<float>() + o * count;
      const float* y = standardized.const_data_ptr<float>() + o * count;
      const float mean = sum_of(dy, count) / static_cast<float>(count);
      const float along = dot(dy, y, count) / static_cast<float>(count);
      const float factor = inverse_deviation.const_data_ptr<float>()[o];
      for (int64_t i = 0; i < count; ++i) gradient[i] = (dy[i] - mean - y[i] * along) * factor;
      transpose(area, inputs, gradient.data(), inputs,
                dweight.mutable_data_ptr<float>() + o * count, area);
    }
  });
  return dweight;
}

}  // namespace

}  // namespace gm::ops::GM_KERNEL_SET

TORCH_LIBRARY_IMPL(gm, CPU, library) {
  using namespace gm::ops::GM_KERNEL_SET;
  if (!kernels_run_here()) return;
  library.impl("standardize_weight_forward", &standardize_weight_forward);
  library.impl("standardize_weight_backward", &standardize_weight_backward);
}
