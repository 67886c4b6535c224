// Full attention on the CPU, one image [P,C] and one head at a time, so that only one matrix [P,P]
// is needed. Backward recomputes everything from x.
#include "nn/ops/attention.h"

#include <ATen/ATen.h>
#include <torch/library.h>

#include <algorithm>
#include <vector>

#include "nn/ops/cpu/gemm.h"
#include "nn/ops/cpu/parallel.h"
#include "nn/ops/cpu/projections.h"
#include "nn/ops/cpu/row_ops.h"
#include "nn/ops/cpu/simd.h"
#include "nn/ops/cpu/takes.h"

namespace gm::ops::GM_KERNEL_SET {

namespace {

using at::Tensor;

constexpr float kShortest = 1e-12F;

/// Columns of a matrix of similarities, rounded up to a multiple of 8 for gemm().
int64_t columns_of(const AttentionShape& shape) { return (shape.pixels + 7) / 8 * 8; }

/// Normalises the columns of x [rows,columns] to length 1, in place. The rows of x are `stride`
/// floats apart. Sets `inverse` [columns] to the reciprocal lengths.
GM_KERNEL void normalize_columns(float* x, int64_t rows, int64_t columns, int64_t stride,
                                 float* inverse) {
  for (int64_t c = 0; c < columns; c += kLanes) {
    Lanes squares = {};
    for (int64_t p = 0; p < rows; ++p) {
      squares += load(x + p * stride + c) * load(x + p * stride + c);
    }
    const Lanes factor = 1.0F / max(broadcast(kShortest), sqrt(squares));
    for (int64_t p = 0; p < rows; ++p) {
      store(x + p * stride + c, load(x + p * stride + c) * factor);
    }
    store(inverse + c, factor);
  }
}

/// dx = (dy - y * sum over the column of y * dy) * inverse, in place of dy, where y is the output
/// of normalize_columns. Columns that were too short to be normalised were only scaled.
GM_KERNEL void normalize_columns_backward(const float* y, float* dy, int64_t rows, int64_t columns,
                                          int64_t stride, const float* inverse) {
  for (int64_t c = 0; c < columns; c += kLanes) {
    Lanes along = {};
    for (int64_t p = 0; p < rows; ++p) {
      along += load(y + p * stride + c) * load(dy + p * stride + c);
    }
    const Lanes factor = load(inverse + c);
    along = factor < 1.0F / kShortest ? along : Lanes{};
    for (int64_t p = 0; p < rows; ++p) {
      const int64_t at = p * stride + c;
      store(dy + at, (load(dy + at) - load(y + at) * along) * factor);
    }
  }
}

/// Softmax of kAttentionScale * each row [rows,columns], in place. The values after the first
/// `count` of a row get weight 0.
GM_KERNEL void softmax_rows(float* x, int64_t rows, int64_t count, int64_t columns) {
  constexpr float kLowest = -1e30F, kScale = kAttentionScale;
  for (float* row = x; row < x + rows * columns; row += columns) {
    for (int64_t j = count; j < columns; ++j) row[j] = kLowest;
    Lanes highest = load(row);
    for (int64_t j = kLanes; j < columns; j += kLanes) highest = max(highest, load(row + j));
    const float maximum = max(highest);
    Lanes sums = {};
    for (int64_t j = 0; j < columns; j += kLanes) {
      const Lanes e = exp((load(row + j) - maximum) * kScale);
      store(row + j, e);
      sums += e;
    }
    const float inverse = 1.0F / sum(sums);
    for (int64_t j = 0; j < columns; j += kLanes) store(row + j, load(row + j) * inverse);
  }
}

/// dx = kAttentionScale * y * (dy - sum over the row of y * dy), in place of dy.
GM_KERNEL void softmax_rows_backward(const float* y, float* dy, int64_t rows, int64_t columns) {
  constexpr float kScale = kAttentionScale;
  for (int64_t at = 0; at < rows * columns; at += columns) {
    Lanes products = {};
    for (int64_t j = at; j < at + columns; j += kLanes) products += load(y + j) * load(dy + j);
    const float center = sum(products);
    for (int64_t j = at; j < at + columns; j += kLanes) {
      store(dy + j, load(y + j) * (load(dy + j) - center) * kScale);
    }
  }
}

/// The attention within one image, with the work space of one thread. It is reused for several
/// images.
class ImageAttention {
 public:
  ImageAttention(const Projections& projections, const AttentionShape& shape)
      : projections_(projections),
        shape_(shape),
        qkv_(shape.pixels * row()),
        inverse_(2 * shape.width()),
        transposed_(shape.head_channels * columns_of(shape)),
        weights_(shape.pixels * columns_of(shape)),
        out_(shape.pixels * shape.width()) {}

  /// Adds the result without the bias to y [P,C].
  void forward(const float* x, float* y) {
    project(x);
    for (int64_t h = 0; h < shape_.heads; ++h) attend(h);
    gemm_add(shape_.pixels, shape_.channels, shape_.width(), {out_.data(), shape_.width()},
             projections_.out_transposed.const_data_ptr<float>(), shape_.channels, y,
             shape_.channels);
  }

  /// Sets dx, and adds to the gradients of the weights.
  void backward(const float* dy, const float* x, float* dx, const AttentionGradients& gradients) {
    const int64_t pixels = shape_.pixels, channels = shape_.channels, width = shape_.width();
    dqkv_.resize(qkv_.size());
    dout_.resize(out_.size());
    dweights_.resize(weights_.size());
    project(x);
    gemm(pixels, width, channels, {dy, channels}, projections_.out.const_data_ptr<float>(), width,
         dout_.data(), width);
    for (int64_t h = 0; h < shape_.heads; ++h) {
      attend(h);
      backward_head(h);
    }
    normalize_columns_backward(qkv_.data(), dqkv_.data(), pixels, 2 * width, row(),
                               inverse_.data());
    gemm(pixels, channels, row(), {dqkv_.data(), row()}, projections_.qkv.const_data_ptr<float>(),
         channels, dx, channels);
    gemm_add(row(), channels, pixels, MatrixView{dqkv_.data(), row()}.transposed(), x, channels,
             gradients.qkv, channels);
    gemm_add(width, channels, pixels, MatrixView{out_.data(), width}.transposed(), dy, channels,
             gradients.out_transposed, channels);
    add_rows(dy, channels, pixels, gradients.bias);
  }

 private:
  /// Channels of q, k and v together.
  int64_t row() const { return 3 * shape_.width(); }

  /// Where q, k and v of a head begin in a row.
  int64_t query(int64_t head) const { return head * shape_.head_channels; }
  int64_t key(int64_t head) const { return shape_.width() + query(head); }
  int64_t value(int64_t head) const { return 2 * shape_.width() + query(head); }

  void project(const float* x) {
    gemm(shape_.pixels, row(), shape_.channels, {x, shape_.channels},
         projections_.qkv_transposed.const_data_ptr<float>(), row(), qkv_.data(), row());
    normalize_columns(qkv_.data(), shape_.pixels, 2 * shape_.width(), row(), inverse_.data());
  }

  /// to [P,P] = from [P,d] times the transpose of the head's k or v, which begins at `with`.
  void compare(const MatrixView& from, int64_t with, float* to) {
    const int64_t d = shape_.head_channels, columns = columns_of(shape_);
    transpose(shape_.pixels, d, qkv_.data() + with, row(), transposed_.data(), columns);
    gemm(shape_.pixels, columns, d, from, transposed_.data(), columns, to, columns);
  }

  /// The attention weights and the result of a head.
  void attend(int64_t head) {
    const int64_t pixels = shape_.pixels, columns = columns_of(shape_);
    compare({qkv_.data() + query(head), row()}, key(head), weights_.data());
    softmax_rows(weights_.data(), pixels, pixels, columns);
    gemm(pixels, shape_.head_channels, pixels, {weights_.data(), columns},
         qkv_.data() + value(head), row(), out_.data() + query(head), shape_.width());
  }

  void backward_head(int64_t head) {
    const int64_t pixels = shape_.pixels, columns = columns_of(shape_), d = shape_.head_channels;
    const float* dout = dout_.data() + query(head);
    const MatrixView weights = {weights_.data(), columns}, dweights = {dweights_.data(), columns};
    gemm(pixels, d, pixels, weights.transposed(), dout, shape_.width(), dqkv_.data() + value(head),
         row());
    compare({dout, shape_.width()}, value(head), dweights_.data());
    softmax_rows_backward(weights_.data(), dweights_.data(), pixels, columns);
    gemm(pixels, d, pixels, dweights, qkv_.data() + key(head), row(), dqkv_.data() + query(head),
         row());
    gemm(pixels, d, pixels, dweights.transposed(), qkv_.data() + query(head), row(),
         dqkv_.data() + key(head), row());
  }

  const Projections& projections_;
  AttentionShape shape_;
  std::vector<float> qkv_;         // [P,3*D], q and k normalised
  std::vector<float> inverse_;     // [2*D], reciprocal lengths of the channels of q and k
  std::vector<float> transposed_;  // [d,P], of one head's k or v
  std::vector<float> weights_;     // [P,P], of one head
  std::vector<float> out_;         // [P,D]
  std::vector<float> dqkv_, dout_, dweights_;
};

Tensor attention_forward(const Tensor& x, const Tensor& to_qkv, const Tensor& to_out,
                         const Tensor& out_bias, int64_t heads) {
  const AttentionShape shape(x, to_out, heads);
  const Projections projections(to_qkv, to_out);
  const Tensor bias = out_bias.contiguous();
  const int64_t values = shape.image_size();
  Tensor y = at::empty_like(x);
  for_each_share(x.size(0), [&](int64_t, int64_t begin, int64_t end) {
    ImageAttention image(projections, shape);
    for (int64_t n = begin; n < end; ++n) {
      float* to = y.mutable_data_ptr<float>() + n * values;
      repeat_row(bias.const_data_ptr<float>(), shape.channels, shape.pixels, to);
      image.forward(x.const_data_ptr<float>() + n * values, to);
    }
  });
  return y;
}

std::tuple<Tensor, Tensor, Tensor, Tensor> attention_backward(const Tensor& dy, const Tensor& x,
                                                              const Tensor& to_qkv,
                                                              const Tensor& to_out, int64_t heads) {
  const AttentionShape shape(x, to_out, heads);
  const Projections projections(to_qkv, to_out);
  const int64_t values = shape.image_size();
  Tensor dx = at::empty_like(x);
  const SharedAttentionGradients shared(shares_of(x.size(0)), shape, projections.qkv);
  for_each_share(x.size(0), [&](int64_t share, int64_t begin, int64_t end) {
    ImageAttention image(projections, shape);
    for (int64_t n = begin; n < end; ++n) {
      image.backward(dy.const_data_ptr<float>() + n * values,
                     x.const_data_ptr<float>() + n * values,
                     dx.mutable_data_ptr<float>() + n * values, shared.of(share));
    }
  });
  return {dx, shared.qkv(), shared.out(), shared.bias()};
}

}  // namespace

}  // namespace gm::ops::GM_KERNEL_SET

TORCH_LIBRARY_IMPL(gm, CPU, library) {
  using namespace gm::ops::GM_KERNEL_SET;
  if (!kernels_run_here()) return;
  library.impl("attention_takes", &gm::ops::cpu::takes_heads);
  library.impl("attention_forward", &attention_forward);
  library.impl("attention_backward", &attention_backward);
}
