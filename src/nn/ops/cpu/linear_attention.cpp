// Linear attention on the CPU, one image x [P,C] at a time, in blocks of pixels that stay in the L1
// cache. Neither v nor the attention's output is created, because for each head
//
//   out = q (k^T v) Wout^T = q M  with  M = (k^T x) Wv^T Wout^T  [d,C],
//
// where k^T x [d,C] is the average of the pixels, weighted by each channel of k. Besides q and k,
// only two products touch the pixels. Backward recomputes q and k, which is cheaper than reading
// them from memory. If there are at most half as many pixels as channels, M is not faster:
// small_linear_attention.h computes v and the output instead.
#include "nn/ops/cpu/linear_attention.h"

#include <ATen/ATen.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "nn/ops/cpu/gemm.h"
#include "nn/ops/cpu/head_softmax.h"
#include "nn/ops/cpu/parallel.h"
#include "nn/ops/cpu/row_ops.h"
#include "nn/ops/cpu/simd.h"
#include "nn/ops/cpu/small_linear_attention.h"
#include "nn/ops/cpu/takes.h"

namespace gm::ops::GM_KERNEL_SET {

namespace {

using at::Tensor;

/// Pixels per block: a multiple of the 6 rows of gemm's tile.
constexpr int64_t kBlock = 48;

/// Multiplies row i of `matrix` [rows,columns] by factors[i].
GM_KERNEL void scale_rows(float* matrix, int64_t rows, int64_t columns, const float* factors) {
  for (int64_t i = 0; i < rows; ++i, matrix += columns) {
    for (int64_t j = 0; j < columns; j += kLanes) {
      store(matrix + j, load(matrix + j) * factors[i]);
    }
  }
}

/// Work space of one thread.
struct LinearAttentionScratch {
  explicit LinearAttentionScratch(const AttentionShape& shape)
      : block(kBlock * shape.width()),
        gradient_block(kBlock * shape.width()),
        context(shape.width() * shape.head_channels),
        dcontext(shape.width() * shape.head_channels),
        mixed(shape.width() * shape.channels),
        transposed(shape.width() * shape.channels),
        dmixed(shape.width() * shape.channels),
        daverages(shape.width() * shape.channels),
        maxima(shape.width()),
        sums(shape.width()),
        rescale(shape.width()) {}

  std::vector<float> block, gradient_block;  // [kBlock,D]
  std::vector<float> context, dcontext;      // [heads,d,d]
  std::vector<float> mixed;                  // M [D,C]
  std::vector<float> transposed;             // [C,D], of M or of daverages
  std::vector<float> dmixed, daverages;      // [D,C]
  std::vector<float> maxima, sums, rescale;  // [D]
};

/// Calls work(first pixel, number of pixels) for each block.
template <class Work>
void for_each_block(int64_t pixels, const Work& work) {
  for (int64_t p = 0; p < pixels; p += kBlock) work(p, std::min(kBlock, pixels - p));
}

/// context = (k^T x) Wv^T, scaled, and M = context Wout^T, from the averages k^T x.
void mix(const float* averages, const LinearAttentionWeights& weights, const AttentionShape& shape,
         LinearAttentionScratch& scratch) {
  const int64_t d = shape.head_channels, channels = shape.channels;
  for (int64_t first = 0; first < shape.width(); first += d) {
    float* context = scratch.context.data() + first * d;
    gemm(d, d, channels, {averages + first * channels, channels},
         weights.value_transposed() + first, weights.transposed_stride(), context, d);
    for (int64_t i = 0; i < d * d; ++i) context[i] *= context_factor(shape);
    gemm(d, channels, d, {context, d},
         weights.out_transposed.const_data_ptr<float>() + first * channels, channels,
         scratch.mixed.data() + first * channels, channels);
  }
}

/// Computes `averages` [D,C] and `log_sums` [D] of one image.
void average(const float* x, const LinearAttentionWeights& weights, const AttentionShape& shape,
             bool small, LinearAttentionScratch& scratch, float* averages, float* log_sums) {
  const int64_t width = shape.width(), channels = shape.channels;
  constexpr float kLowest = -1e30F;
  std::fill(scratch.maxima.begin(), scratch.maxima.end(), small ? 0.0F : kLowest);
  std::fill(scratch.sums.begin(), scratch.sums.end(), 0.0F);
  std::fill(averages, averages + width * channels, 0.0F);
  float* k = scratch.block.data();
  for_each_block(shape.pixels, [&](int64_t first, int64_t rows) {
    const float* block = x + first * channels;
    weights.project(block, rows, weights.key_transposed(), k);
    if (small) {
      softmax_pixels_block(k, rows, width, scratch.sums.data());
    } else {
      softmax_pixels_block(k, rows, width, scratch.maxima.data(), scratch.sums.data(),
                           scratch.rescale.data());
      scale_rows(averages, width, channels, scratch.rescale.data());
    }
    gemm_add(width, channels, rows, MatrixView{k, width}.transposed(), block, channels, averages,
             channels);
  });
  for (int64_t i = 0; i < width; ++i) {
    log_sums[i] = scratch.maxima[i] + std::log(scratch.sums[i]);
    scratch.rescale[i] = 1.0F / scratch.sums[i];
  }
  scale_rows(averages, width, channels, scratch.rescale.data());
}

void forward_image(const float* x, const LinearAttentionWeights& weights, const float* bias,
                   const AttentionShape& shape, LinearAttentionScratch& scratch, float* y,
                   float* averages, float* log_sums) {
  const int64_t width = shape.width(), channels = shape.channels;
  const bool small = weights.make_small_logits(x, shape);
  average(x, weights, shape, small, scratch, averages, log_sums);
  mix(averages, weights, shape, scratch);
  float* q = scratch.block.data();
  for_each_block(shape.pixels, [&](int64_t first, int64_t rows) {
    weights.project(x + first * channels, rows, weights.query_transposed(), q);
    softmax_heads(q, rows * width, shape.head_channels, small);
    float* out = y + first * channels;
    repeat_row(bias, channels, rows, out);
    gemm_add(rows, channels, width, {q, width}, scratch.mixed.data(), channels, out, channels);
  });
}

/// Backward of out = q M to q, then to x and Wq. `scratch.dmixed` becomes the gradient of M.
void backward_query(const float* dy, const float* x, const LinearAttentionWeights& weights,
                    const AttentionShape& shape, bool small, LinearAttentionScratch& scratch,
                    float* dx, const AttentionGradients& gradients) {
  const int64_t width = shape.width(), channels = shape.channels;
  std::fill(scratch.dmixed.begin(), scratch.dmixed.end(), 0.0F);
  transpose(width, channels, scratch.mixed.data(), channels, scratch.transposed.data(), width);
  float* q = scratch.block.data();
  float* dq = scratch.gradient_block.data();
  for_each_block(shape.pixels, [&](int64_t first, int64_t rows) {
    const float* block = x + first * channels;
    const float* dout = dy + first * channels;
    add_rows(dout, channels, rows, gradients.bias);
    weights.project(block, rows, weights.query_transposed(), q);
    softmax_heads(q, rows * width, shape.head_channels, small);
    gemm_add(width, channels, rows, MatrixView{q, width}.transposed(), dout, channels,
             scratch.dmixed.data(), channels);
    gemm(rows, width, channels, {dout, channels}, scratch.transposed.data(), width, dq, width);
    softmax_heads_backward(q, dq, rows * width, shape.head_channels);
    gemm(rows, channels, width, {dq, width}, weights.query(), channels, dx + first * channels,
         channels);
    gemm_add(width, channels, rows, MatrixView{dq, width}.transposed(), block, channels,
             gradients.qkv, channels);
  });
}

/// Backward of M = context Wout^T and context = averages Wv^T to the weights and the averages.
void backward_mix(const float* averages, const LinearAttentionWeights& weights,
                  const AttentionShape& shape, LinearAttentionScratch& scratch,
                  const AttentionGradients& gradients) {
  const int64_t d = shape.head_channels, width = shape.width(), channels = shape.channels;
  for (int64_t first = 0; first < width; first += d) {
    const float* context = scratch.context.data() + first * d;
    const float* dmixed = scratch.dmixed.data() + first * channels;
    float* dcontext = scratch.dcontext.data() + first * d;
    gemm_add(d, channels, d, MatrixView{context, d}.transposed(), dmixed, channels,
             gradients.out_transposed + first * channels, channels);
    gemm(d, d, channels, {dmixed, channels}, weights.out.const_data_ptr<float>() + first, width,
         dcontext, d);
    for (int64_t i = 0; i < d * d; ++i) dcontext[i] *= context_factor(shape);
    gemm(d, channels, d, {dcontext, d}, weights.value() + first * channels, channels,
         scratch.daverages.data() + first * channels, channels);
    gemm_add(d, channels, d, MatrixView{dcontext, d}.transposed(), averages + first * channels,
             channels, gradients.qkv + (2 * width + first) * channels, channels);
  }
}

/// Backward of averages = k^T x to x and k, then to x and Wk.
void backward_key(const float* x, const float* averages, const float* log_sums,
                  const LinearAttentionWeights& weights, const AttentionShape& shape, bool small,
                  LinearAttentionScratch& scratch, float* dx, const AttentionGradients& gradients) {
  const int64_t width = shape.width(), channels = shape.channels;
  const float* daverages = scratch.daverages.data();
  transpose(width, channels, daverages, channels, scratch.transposed.data(), width);
  // The sum over pixels of k * dk, with dk = daverages x, is computed without the pixels.
  std::vector<float>& centers = scratch.sums;
  for (int64_t i = 0; i < width; ++i) {
    const float* row = averages + i * channels;
    centers[i] = std::inner_product(row, row + channels, daverages + i * channels, 0.0F);
  }
  float* k = scratch.block.data();
  float* dk = scratch.gradient_block.data();
  for_each_block(shape.pixels, [&](int64_t first, int64_t rows) {
    const float* block = x + first * channels;
    float* dblock = dx + first * channels;
    weights.project(block, rows, weights.key_transposed(), k);
    softmax_pixels(k, rows, width, log_sums, small);
    gemm_add(rows, channels, width, {k, width}, daverages, channels, dblock, channels);
    gemm(rows, width, channels, {block, channels}, scratch.transposed.data(), width, dk, width);
    softmax_pixels_backward(k, dk, rows, width, centers.data());
    gemm_add(rows, channels, width, {dk, width}, weights.key(), channels, dblock, channels);
    gemm_add(width, channels, rows, MatrixView{dk, width}.transposed(), block, channels,
             gradients.qkv + width * channels, channels);
  });
}

Tensor forward_small(const Tensor& x, const LinearAttentionWeights& weights, const Tensor& bias,
                     const AttentionShape& shape) {
  const int64_t values = shape.image_size();
  Tensor y = at::empty_like(x);
  for_each_share(x.size(0), [&](int64_t, int64_t begin, int64_t end) {
    SmallLinearAttention image(weights, shape);
    for (int64_t n = begin; n < end; ++n) {
      image.forward(x.const_data_ptr<float>() + n * values, bias.const_data_ptr<float>(),
                    y.mutable_data_ptr<float>() + n * values);
    }
  });
  return y;
}

std::tuple<Tensor, Tensor, Tensor> linear_attention_forward(const Tensor& x, const Tensor& to_qkv,
                                                            const Tensor& to_out,
                                                            const Tensor& out_bias, int64_t heads) {
  const AttentionShape shape(x, to_out, heads);
  const LinearAttentionWeights weights(to_qkv, to_out, shape);
  const Tensor bias = out_bias.contiguous();
  if (SmallLinearAttention::suits(shape)) {
    const Tensor nothing = at::empty({0}, weights.qkv.options());
    return {forward_small(x, weights, bias, shape), nothing, nothing};
  }
  const int64_t values = shape.image_size();
  Tensor y = at::empty_like(x);
  Tensor averages = at::empty({x.size(0), shape.width(), shape.channels}, weights.qkv.options());
  Tensor log_sums = at::empty({x.size(0), shape.width()}, weights.qkv.options());

  for_each_share(x.size(0), [&](int64_t, int64_t begin, int64_t end) {
    LinearAttentionScratch scratch(shape);
    for (int64_t n = begin; n < end; ++n) {
      forward_image(x.const_data_ptr<float>() + n * values, weights, bias.const_data_ptr<float>(),
                    shape, scratch, y.mutable_data_ptr<float>() + n * values,
                    averages.mutable_data_ptr<float>() + n * averages.stride(0),
                    log_sums.mutable_data_ptr<float>() + n * log_sums.stride(0));
    }
  });
  return {y, averages, log_sums};
}

std::tuple<Tensor, Tensor, Tensor, Tensor> linear_attention_backward(
    const Tensor& dy, const Tensor& x, const Tensor& to_qkv, const Tensor& to_out, int64_t heads,
    const Tensor& averages, const Tensor& log_sums) {
  const AttentionShape shape(x, to_out, heads);
  const LinearAttentionWeights weights(to_qkv, to_out, shape);
  const int64_t values = shape.image_size();
  Tensor dx = at::empty_like(x);
  const SharedAttentionGradients shared(shares_of(x.size(0)), shape, weights.qkv);

  for_each_share(x.size(0), [&](int64_t share, int64_t begin, int64_t end) {
    const AttentionGradients gradients = shared.of(share);
    if (SmallLinearAttention::suits(shape)) {
      SmallLinearAttention image(weights, shape);
      for (int64_t n = begin; n < end; ++n) {
        image.backward(dy.const_data_ptr<float>() + n * values,
                       x.const_data_ptr<float>() + n * values,
                       dx.mutable_data_ptr<float>() + n * values, gradients);
      }
      return;
    }
    LinearAttentionScratch scratch(shape);
    for (int64_t n = begin; n < end; ++n) {
      const float* image = x.const_data_ptr<float>() + n * values;
      const float* average = averages.const_data_ptr<float>() + n * averages.stride(0);
      float* dimage = dx.mutable_data_ptr<float>() + n * values;
      const bool small = weights.make_small_logits(image, shape);
      mix(average, weights, shape, scratch);
      backward_query(dy.const_data_ptr<float>() + n * values, image, weights, shape, small, scratch,
                     dimage, gradients);
      backward_mix(average, weights, shape, scratch, gradients);
      backward_key(image, average, log_sums.const_data_ptr<float>() + n * log_sums.stride(0),
                   weights, shape, small, scratch, dimage, gradients);
    }
  });
  return {dx, shared.qkv(), shared.out(), shared.bias()};
}

}  // namespace

}  // namespace gm::ops::GM_KERNEL_SET

TORCH_LIBRARY_IMPL(gm, CPU, library) {
  using namespace gm::ops::GM_KERNEL_SET;
  if (!kernels_run_here()) return;
  library.impl("linear_attention_takes", &gm::ops::cpu::takes_heads);
  library.impl("linear_attention_forward", &linear_attention_forward);
  library.impl("linear_attention_backward", &linear_attention_backward);
}
