#include "nn/ops/cpu/small_linear_attention.h"

#include <algorithm>

#include "nn/ops/cpu/row_ops.h"

namespace gm::ops::GM_KERNEL_SET {

namespace {

/// Multiplies column j of x [rows,columns] by factors[j], in place.
GM_KERNEL void scale_columns(float* x, int64_t rows, int64_t columns, const float* factors) {
  for (float* row = x; row < x + rows * columns; row += columns) {
    for (int64_t j = 0; j < columns; j += kLanes) store(row + j, load(row + j) * load(factors + j));
  }
}

/// sums[j] = sum over the rows of x[i,j] * y[i,j].
GM_KERNEL void dot_columns(const float* x, const float* y, int64_t rows, int64_t columns,
                           float* sums) {
  for (int64_t j = 0; j < columns; j += kLanes) {
    Lanes total = {};
    for (int64_t at = j; at < rows * columns; at += columns) total += load(x + at) * load(y + at);
    store(sums + j, total);
  }
}

}  // namespace

SmallLinearAttention::SmallLinearAttention(const LinearAttentionWeights& weights,
                                           const AttentionShape& shape)
    : weights_(weights),
      shape_(shape),
      qkv_(3 * size()),
      out_(size()),
      context_(shape.width() * shape.head_channels),
      transposed_(shape.head_channels * shape.head_channels),
      columns_(3 * shape.width()) {}

void SmallLinearAttention::forward(const float* x, const float* bias, float* y) {
  attend(x);
  repeat_row(bias, shape_.channels, shape_.pixels, y);
  gemm_add(shape_.pixels, shape_.channels, shape_.width(), {out_.data(), shape_.width()},
           weights_.out_transposed.const_data_ptr<float>(), shape_.channels, y, shape_.channels);
}

void SmallLinearAttention::backward(const float* dy, const float* x, float* dx,
                                    const AttentionGradients& gradients) {
  const int64_t pixels = shape_.pixels, channels = shape_.channels, width = shape_.width();
  dqkv_.resize(qkv_.size());
  dout_.resize(out_.size());
  attend(x);
  add_rows(dy, channels, pixels, gradients.bias);
  gemm(pixels, width, channels, {dy, channels}, weights_.out.const_data_ptr<float>(), width,
       dout_.data(), width);
  gemm_add(width, channels, pixels, MatrixView{out_.data(), width}.transposed(), dy, channels,
           gradients.out_transposed, channels);
  for (int64_t first = 0; first < width; first += shape_.head_channels) backward_head(first);
  softmax_heads_backward(q(), dq(), size(), shape_.head_channels);
  dot_columns(k(), dk(), pixels, width, columns_.data());
  softmax_pixels_backward(k(), dk(), pixels, width, columns_.data());
  std::fill_n(dx, pixels * channels, 0.0F);
  for (int64_t i = 0; i < 3; ++i) {
    const MatrixView gradient = {dqkv_.data() + i * size(), width};
    gemm_add(pixels, channels, width, gradient, weights_.query() + i * width * channels, channels,
             dx, channels);
    gemm_add(width, channels, pixels, gradient.transposed(), x, channels,
             gradients.qkv + i * width * channels, channels);
  }
}

void SmallLinearAttention::attend(const float* x) {
  const int64_t pixels = shape_.pixels, width = shape_.width(), d = shape_.head_channels;
  for (int64_t i = 0; i < 3; ++i) {
    weights_.project(x, pixels, weights_.query_transposed() + i * width, qkv_.data() + i * size());
  }
  softmax_heads(q(), size(), d, /*small=*/false);
  softmax_all_pixels();
  for (int64_t first = 0; first < width; first += d) {
    float* context = context_.data() + first * d;
    gemm(d, d, pixels, MatrixView{k() + first, width}.transposed(), v() + first, width, context, d);
    for (int64_t i = 0; i < d * d; ++i) context[i] *= context_factor(shape_);
    gemm(pixels, d, d, {q() + first, width}, context, d, out_.data() + first, width);
  }
}

void SmallLinearAttention::softmax_all_pixels() {
  const int64_t width = shape_.width();
  float *maxima = columns_.data(), *sums = maxima + width, *rescale = sums + width;
  std::fill_n(maxima, width, -1e30F);
  std::fill_n(sums, width, 0.0F);
  softmax_pixels_block(k(), shape_.pixels, width, maxima, sums, rescale);
  for (int64_t c = 0; c < width; ++c) rescale[c] = 1.0F / sums[c];
  scale_columns(k(), shape_.pixels, width, rescale);
}

void SmallLinearAttention::backward_head(int64_t first) {
  const int64_t pixels = shape_.pixels, width = shape_.width(), d = shape_.head_channels;
  transpose(d, d, context_.data() + first * d, d, transposed_.data(), d);
  gemm(pixels, d, d, {dout_.data() + first, width}, transposed_.data(), d, dq() + first, width);
  float* dcontext = context_.data() + first * d;
  gemm(d, d, pixels, MatrixView{q() + first, width}.transposed(), dout_.data() + first, width,
       dcontext, d);
  for (int64_t i = 0; i < d * d; ++i) dcontext[i] *= context_factor(shape_);
  gemm(pixels, d, d, {k() + first, width}, dcontext, d, dv() + first, width);
  transpose(d, d, dcontext, d, transposed_.data(), d);
  gemm(pixels, d, d, {v() + first, width}, transposed_.data(), d, dk() + first, width);
}

}  // namespace gm::ops::GM_KERNEL_SET
