// The 1x1 convolution on the CPU: products of the weight with blocks of pixels [pixels,channels].
#include <ATen/ATen.h>
#include <torch/library.h>

#include <algorithm>
#include <array>
#include <vector>

#include "nn/ops/cpu/gemm.h"
#include "nn/ops/cpu/images.h"
#include "nn/ops/cpu/parallel.h"
#include "nn/ops/cpu/row_ops.h"
#include "nn/ops/cpu/takes.h"
#include "nn/ops/cpu/transpose_of.h"
#include "nn/ops/operator.h"
#include "nn/ops/pixels.h"

namespace gm::ops::GM_KERNEL_SET {

namespace {

using at::Tensor;

/// Pixels per block: a multiple of the 6 rows of gemm's tile.
constexpr int64_t kBlockRows = 48;

/// Channels in one tensor, or split over two. The second may have none.
template <class Float>
using Parts = std::array<ChannelPart<Float>, 2>;

Parts<const float> parts_of(const Tensor& x, const OptionalTensor& skip) {
  Parts<const float> parts = {{{x.const_data_ptr<float>(), x.size(1)}, {}}};
  if (skip) parts[1] = {skip->const_data_ptr<float>(), skip->size(1)};
  return parts;
}

/// Calls work(first pixel, number of pixels) for each block of the share's images.
template <class Work>
void for_each_block(int64_t begin, int64_t end, int64_t pixels, const Work& work) {
  for (int64_t p = begin * pixels; p < end * pixels; p += kBlockRows) {
    work(p, std::min(kBlockRows, end * pixels - p));
  }
}

Tensor pointwise_convolution_forward(const Tensor& x, const OptionalTensor& skip,
                                     const Tensor& weight, const Tensor& bias) {
  const int64_t out = weight.size(0), in = weight.size(1), pixels = x.size(2) * x.size(3);
  Tensor y = images_like(x, out);
  const Tensor factor = transpose_of(weight.reshape({out, in}).contiguous());
  const int64_t columns = factor.size(1);
  std::vector<float> start(columns);
  std::copy_n(bias.contiguous().const_data_ptr<float>(), out, start.data());
  const Parts<const float> parts = parts_of(x, skip);

  for_each_share(x.size(0), [&](int64_t, int64_t begin, int64_t end) {
    std::vector<float> block(columns == out ? 0 : kBlockRows * columns);
    for_each_block(begin, end, pixels, [&](int64_t first, int64_t count) {
      float* result = y.mutable_data_ptr<float>() + first * out;
      float* to = columns == out ? result : block.data();
      repeat_row(start.data(), columns, count, to);
      const float* rows = factor.const_data_ptr<float>();
      for (const auto& [data, channels] : parts) {
        gemm_add(count, columns, channels, {data + first * channels, channels}, rows, columns, to,
                 columns);
        rows += channels * columns;
      }
      if (to == result) return;
      for (int64_t i = 0; i < count; ++i) std::copy_n(to + i * columns, out, result + i * out);
    });
  });
  return y;
}

std::tuple<Tensor, Tensor, Tensor, Tensor> pointwise_convolution_backward(
    const Tensor& dy, const Tensor& x, const OptionalTensor& skip, const Tensor& weight) {
  const int64_t out = weight.size(0), in = weight.size(1), pixels = x.size(2) * x.size(3);
  const Tensor matrix = weight.contiguous();
  Tensor dx = at::empty_like(x);
  Tensor dskip = skip ? at::empty_like(*skip) : Tensor();
  const int64_t shares = shares_of(x.size(0));
  const Tensor dweight = at::zeros({shares, out, in}, x.options());
  const Tensor dbias = at::zeros({shares, out}, x.options());
  const Parts<const float> parts = parts_of(x, skip);
  const std::array<float*, 2> dparts = {dx.mutable_data_ptr<float>(),
                                        skip ? dskip.mutable_data_ptr<float>() : nullptr};

  for_each_share(x.size(0), [&](int64_t share, int64_t begin, int64_t end) {
    float* sum = dweight.mutable_data_ptr<float>() + share * dweight.stride(0);
    float* bias_sum = dbias.mutable_data_ptr<float>() + share * out;
    for_each_block(begin, end, pixels, [&](int64_t first, int64_t count) {
      const MatrixView gradient = {dy.const_data_ptr<float>() + first * out, out};
      add_rows(gradient.data, out, count, bias_sum);
      int64_t column = 0;
      for (size_t i = 0; i < parts.size(); ++i) {
        const auto [data, channels] = parts[i];
        if (channels == 0) continue;
        gemm(count, channels, out, gradient, matrix.const_data_ptr<float>() + column, in,
             dparts[i] + first * channels, channels);
        gemm_add(out, channels, count, gradient.transposed(), data + first * channels, channels,
                 sum + column, in);
        column += channels;
      }
    });
  });
  return {dx, dskip, dweight.sum(0).view(weight.sizes()), dbias.sum(0)};
}

}  // namespace

}  // namespace gm::ops::GM_KERNEL_SET

TORCH_LIBRARY_IMPL(gm, CPU, library) {
  using namespace gm::ops::GM_KERNEL_SET;
  if (!kernels_run_here()) return;
  library.impl("pointwise_convolution_takes",
               [](const at::Tensor& x, const std::optional<at::Tensor>& skip) {
                 return gm::ops::cpu::takes(x) && (!skip || skip->size(1) % 8 == 0);
               });
  library.impl("pointwise_convolution_forward", &pointwise_convolution_forward);
  library.impl("pointwise_convolution_backward", &pointwise_convolution_backward);
}
