// Linear attention on the CPU, one picture x [P,C] at a time, in blocks of pixels that stay in the
// nearest cache. Neither v nor the attention's output is ever made, because for each head
//
//   out = q (k^T v) Wout^T = q M  with  M = (k^T x) Wv^T Wout^T  [d,C],
//
// where k^T x, the average of the pixels under each channel of k, is [d,C]: beside q and k, only
// two products touch the pixels. q and k are computed again in backward, which is cheaper than to
// read them from memory. Where there are no more than half as many pixels as channels, M is no gain
// and is not made.
#include <ATen/ATen.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "nn/ops/cpu/parallel.h"
#include "nn/ops/cpu/product.h"
#include "nn/ops/cpu/projections.h"
#include "nn/ops/cpu/rows.h"
#include "nn/ops/cpu/simd.h"

namespace gm::ops::GM_KERNEL_SET {

namespace {

using at::Tensor;

/// Pixels at a time: a multiple of the 6 rows of the product's tile.
constexpr int64_t kBlock = 48;

struct Shape {
  int64_t pixels;
  int64_t channels;  // C
  int64_t heads;
  int64_t head_channels;  // d

  int64_t width() const { return heads * head_channels; }  // D
  /// The scale of q and the mean over pixels, in one factor of the context.
  float context_factor() const {
    return 1.0F / (std::sqrt(static_cast<float>(head_channels)) * static_cast<float>(pixels));
  }
};

/// Logits of no more than this either way go through exp as they are: neither their exponentials
/// nor sums and ratios of those leave its range. Larger ones first have their maximum taken away.
constexpr float kSmallLogit = 30.0F;

/// The length of the longest row of x [rows,columns].
GM_KERNEL float longest_row(const float* x, int64_t rows, int64_t columns) {
  float result = 0.0F;
  for (const float* row = x; row < x + rows * columns; row += columns) {
    Lanes squares = {};
    for (int64_t c = 0; c < columns; c += kLanes) squares += load(row + c) * load(row + c);
    result = std::max(result, sum(squares));
  }
  return std::sqrt(result);
}

/// The projections, and what tells how large the logits can be.
struct Weights : Projections {
  Weights(const Tensor& to_qkv, const Tensor& to_out, const Shape& shape)
      : Projections(to_qkv, to_out),
        longest(longest_row(query(), 2 * shape.width(), shape.channels)),
        width_(shape.width()),
        channels_(shape.channels) {}

  /// Whether q and k of the picture x [P,C] are small logits for certain: no product of two vectors
  /// is larger than that of their lengths.
  bool make_small_logits(const float* x, const Shape& shape) const {
    return longest_row(x, shape.pixels, shape.channels) * longest <= kSmallLogit;
  }

  // [D,C] each
  const float* query() const { return qkv.const_data_ptr<float>(); }
  const float* key() const { return query() + width_ * channels_; }
  const float* value() const { return query() + 2 * width_ * channels_; }
  // [C,D] each, with 3 * D floats from row to row
  const float* query_transposed() const { return qkv_transposed.const_data_ptr<float>(); }
  const float* key_transposed() const { return query_transposed() + width_; }
  const float* value_transposed() const { return query_transposed() + 2 * width_; }
  int64_t transposed_stride() const { return 3 * width_; }

  float longest;  // the length of Wq's and Wk's longest row

 private:
  int64_t width_, channels_;
};

GM_INLINE float largest(const float* values, int64_t count) {
  Lanes highest = load(values);
  for (int64_t c = kLanes; c < count; c += kLanes) highest = max(highest, load(values + c));
  return max(highest);
}

template <bool small>
GM_INLINE void softmax(float* head, int64_t d) {
  const float maximum = small ? 0.0F : largest(head, d);
  Lanes sums = {};
  for (int64_t c = 0; c < d; c += kLanes) {
    const Lanes e = small ? exp_within_range(load(head + c)) : exp(load(head + c) - maximum);
    store(head + c, e);
    sums += e;
  }
  const float inverse = 1.0F / sum(sums);
  for (int64_t c = 0; c < d; c += kLanes) store(head + c, load(head + c) * inverse);
}

/// Softmax over each head's channels of q [rows,D], in place. `small`: all are small logits.
GM_KERNEL void softmax_heads(float* q, int64_t rows, const Shape& shape, bool small) {
  const int64_t d = shape.head_channels;
  for (float* head = q; head < q + rows * shape.width(); head += d) {
    small ? softmax<true>(head, d) : softmax<false>(head, d);
  }
}

/// dq = q * (dq - sum over the head of q * dq), in place of dq.
GM_KERNEL void softmax_heads_backward(const float* q, float* dq, int64_t rows, const Shape& shape) {
  const int64_t d = shape.head_channels;
  for (int64_t at = 0; at < rows * shape.width(); at += d) {
    Lanes products = {};
    for (int64_t c = at; c < at + d; c += kLanes) products += load(q + c) * load(dq + c);
    const float center = sum(products);
    for (int64_t c = at; c < at + d; c += kLanes) {
      store(dq + c, load(q + c) * (load(dq + c) - center));
    }
  }
}

/// One more block k [rows,D] of a softmax over pixels of small logits: k becomes exp(k), which is
/// added to `sums` [D].
GM_KERNEL void softmax_pixels_block(float* k, int64_t rows, int64_t width, float* sums) {
  for (int64_t c = 0; c < width; c += kLanes) {
    Lanes total = load(sums + c);
    for (int64_t p = 0; p < rows; ++p) {
      const Lanes e = exp_within_range(load(k + p * width + c));
      store(k + p * width + c, e);
      total += e;
    }
    store(sums + c, total);
  }
}

/// The same for logits of any size. `maxima` and `sums` [D] are those of the blocks so far; k
/// becomes exp(k - maximum), and `rescale` [D] the factors which bring everything that was summed
/// under the old maxima to the new ones. (Milakov and Gimelshein, "Online normalizer calculation
/// for softmax", 2018.)
GM_KERNEL void softmax_pixels_block(float* k, int64_t rows, int64_t width, float* maxima,
                                    float* sums, float* rescale) {
  for (int64_t c = 0; c < width; c += kLanes) {
    const Lanes old_maximum = load(maxima + c);
    Lanes maximum = old_maximum;
    for (int64_t p = 0; p < rows; ++p) maximum = max(maximum, load(k + p * width + c));
    const Lanes factor = exp(old_maximum - maximum);
    Lanes total = load(sums + c) * factor;
    for (int64_t p = 0; p < rows; ++p) {
      const Lanes e = exp(load(k + p * width + c) - maximum);
      store(k + p * width + c, e);
      total += e;
    }
    store(maxima + c, maximum);
    store(sums + c, total);
    store(rescale + c, factor);
  }
}

/// k = exp(k - log_sums): the softmax over pixels, once its denominators are known.
GM_KERNEL void softmax_pixels(float* k, int64_t rows, int64_t width, const float* log_sums,
                              bool small) {
  for (int64_t p = 0; p < rows; ++p, k += width) {
    for (int64_t c = 0; c < width; c += kLanes) {
      const Lanes logarithm = load(k + c) - load(log_sums + c);
      store(k + c, small ? exp_within_range(logarithm) : exp(logarithm));
    }
  }
}

/// dk = k * (dk - centers), in place of dk, where centers[c] is the sum over pixels of k * dk.
GM_KERNEL void softmax_pixels_backward(const float* k, float* dk, int64_t rows, int64_t width,
                                       const float* centers) {
  for (int64_t at = 0; at < rows * width; at += width) {
    for (int64_t c = 0; c < width; c += kLanes) {
      store(dk + at + c, load(k + at + c) * (load(dk + at + c) - load(centers + c)));
    }
  }
}

/// Row i of `matrix` [rows,columns] times factors[i].
GM_KERNEL void scale_rows(float* matrix, int64_t rows, int64_t columns, const float* factors) {
  for (int64_t i = 0; i < rows; ++i, matrix += columns) {
    for (int64_t j = 0; j < columns; j += kLanes) {
      store(matrix + j, load(matrix + j) * factors[i]);
    }
  }
}

/// Work space of one thread.
struct Scratch {
  explicit Scratch(const Shape& shape)
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
void mix(const float* averages, const Weights& weights, const Shape& shape, Scratch& scratch) {
  const int64_t d = shape.head_channels, channels = shape.channels;
  for (int64_t first = 0; first < shape.width(); first += d) {
    float* context = scratch.context.data() + first * d;
    set_product(d, d, channels, {averages + first * channels, channels},
                weights.value_transposed() + first, weights.transposed_stride(), context, d);
    for (int64_t i = 0; i < d * d; ++i) context[i] *= shape.context_factor();
    set_product(d, channels, d, {context, d},
                weights.out_transposed.const_data_ptr<float>() + first * channels, channels,
                scratch.mixed.data() + first * channels, channels);
  }
}

/// The block of q or k: x Wq^T or x Wk^T.
void project(const float* x, int64_t rows, const float* transposed_weight, const Weights& weights,
             const Shape& shape, float* to) {
  set_product(rows, shape.width(), shape.channels, {x, shape.channels}, transposed_weight,
              weights.transposed_stride(), to, shape.width());
}

/// `averages` [D,C] and `log_sums` [D] of one picture.
void average(const float* x, const Weights& weights, const Shape& shape, bool small,
             Scratch& scratch, float* averages, float* log_sums) {
  const int64_t width = shape.width(), channels = shape.channels;
  constexpr float kLowest = -1e30F;
  std::fill(scratch.maxima.begin(), scratch.maxima.end(), small ? 0.0F : kLowest);
  std::fill(scratch.sums.begin(), scratch.sums.end(), 0.0F);
  std::fill(averages, averages + width * channels, 0.0F);
  float* k = scratch.block.data();
  for_each_block(shape.pixels, [&](int64_t first, int64_t rows) {
    const float* block = x + first * channels;
    project(block, rows, weights.key_transposed(), weights, shape, k);
    if (small) {
      softmax_pixels_block(k, rows, width, scratch.sums.data());
    } else {
      softmax_pixels_block(k, rows, width, scratch.maxima.data(), scratch.sums.data(),
                           scratch.rescale.data());
      scale_rows(averages, width, channels, scratch.rescale.data());
    }
    add_product(width, channels, rows, MatrixView{k, width}.transposed(), block, channels, averages,
                channels);
  });
  for (int64_t i = 0; i < width; ++i) {
    log_sums[i] = scratch.maxima[i] + std::log(scratch.sums[i]);
    scratch.rescale[i] = 1.0F / scratch.sums[i];
  }
  scale_rows(averages, width, channels, scratch.rescale.data());
}

void forward_picture(const float* x, const Weights& weights, const float* bias, const Shape& shape,
                     Scratch& scratch, float* y, float* averages, float* log_sums) {
  const int64_t width = shape.width(), channels = shape.channels;
  const bool small = weights.make_small_logits(x, shape);
  average(x, weights, shape, small, scratch, averages, log_sums);
  mix(averages, weights, shape, scratch);
  float* q = scratch.block.data();
  for_each_block(shape.pixels, [&](int64_t first, int64_t rows) {
    project(x + first * channels, rows, weights.query_transposed(), weights, shape, q);
    softmax_heads(q, rows, shape, small);
    float* out = y + first * channels;
    for (int64_t p = 0; p < rows; ++p) std::copy_n(bias, channels, out + p * channels);
    add_product(rows, channels, width, {q, width}, scratch.mixed.data(), channels, out, channels);
  });
}

/// The gradients of one share's pictures.
struct WeightGradients {
  float* qkv;             // [3*D,C]
  float* out_transposed;  // [D,C]
};

/// Through out = q M to q, and from there to x and Wq. `scratch.dmixed` becomes the gradient of M.
void backward_query(const float* dy, const float* x, const Weights& weights, const Shape& shape,
                    bool small, Scratch& scratch, float* dx, const WeightGradients& gradients) {
  const int64_t width = shape.width(), channels = shape.channels;
  std::fill(scratch.dmixed.begin(), scratch.dmixed.end(), 0.0F);
  transpose(width, channels, scratch.mixed.data(), channels, scratch.transposed.data(), width);
  float* q = scratch.block.data();
  float* dq = scratch.gradient_block.data();
  for_each_block(shape.pixels, [&](int64_t first, int64_t rows) {
    const float* block = x + first * channels;
    const float* dout = dy + first * channels;
    project(block, rows, weights.query_transposed(), weights, shape, q);
    softmax_heads(q, rows, shape, small);
    add_product(width, channels, rows, MatrixView{q, width}.transposed(), dout, channels,
                scratch.dmixed.data(), channels);
    set_product(rows, width, channels, {dout, channels}, scratch.transposed.data(), width, dq,
                width);
    softmax_heads_backward(q, dq, rows, shape);
    set_product(rows, channels, width, {dq, width}, weights.query(), channels,
                dx + first * channels, channels);
    add_product(width, channels, rows, MatrixView{dq, width}.transposed(), block, channels,
                gradients.qkv, channels);
  });
}

/// Through M = context Wout^T and context = averages Wv^T to the weights, and to the averages.
void backward_mix(const float* averages, const Weights& weights, const Shape& shape,
                  Scratch& scratch, const WeightGradients& gradients) {
  const int64_t d = shape.head_channels, width = shape.width(), channels = shape.channels;
  for (int64_t first = 0; first < width; first += d) {
    const float* context = scratch.context.data() + first * d;
    const float* dmixed = scratch.dmixed.data() + first * channels;
    float* dcontext = scratch.dcontext.data() + first * d;
    add_product(d, channels, d, MatrixView{context, d}.transposed(), dmixed, channels,
                gradients.out_transposed + first * channels, channels);
    set_product(d, d, channels, {dmixed, channels}, weights.out.const_data_ptr<float>() + first,
                width, dcontext, d);
    for (int64_t i = 0; i < d * d; ++i) dcontext[i] *= shape.context_factor();
    set_product(d, channels, d, {dcontext, d}, weights.value() + first * channels, channels,
                scratch.daverages.data() + first * channels, channels);
    add_product(d, channels, d, MatrixView{dcontext, d}.transposed(), averages + first * channels,
                channels, gradients.qkv + (2 * width + first) * channels, channels);
  }
}

/// Through averages = k^T x to x and k, and from there to x and Wk.
void backward_key(const float* x, const float* averages, const float* log_sums,
                  const Weights& weights, const Shape& shape, bool small, Scratch& scratch,
                  float* dx, const WeightGradients& gradients) {
  const int64_t width = shape.width(), channels = shape.channels;
  const float* daverages = scratch.daverages.data();
  transpose(width, channels, daverages, channels, scratch.transposed.data(), width);
  // The sum over pixels of k * dk, with dk = daverages x, is known without looking at the pixels.
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
    project(block, rows, weights.key_transposed(), weights, shape, k);
    softmax_pixels(k, rows, width, log_sums, small);
    add_product(rows, channels, width, {k, width}, daverages, channels, dblock, channels);
    set_product(rows, width, channels, {block, channels}, scratch.transposed.data(), width, dk,
                width);
    softmax_pixels_backward(k, dk, rows, width, centers.data());
    add_product(rows, channels, width, {dk, width}, weights.key(), channels, dblock, channels);
    add_product(width, channels, rows, MatrixView{dk, width}.transposed(), block, channels,
                gradients.qkv + width * channels, channels);
  });
}

/// Factor j times column j of x [rows,columns], in place.
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

/// The attention within a picture of so few pixels that v and the output cost less than M. Backward
/// computes everything again. One thread's work space.
class FewPixels {
 public:
  FewPixels(const Weights& weights, const Shape& shape)
      : weights_(weights),
        shape_(shape),
        qkv_(3 * size()),
        out_(size()),
        context_(shape.width() * shape.head_channels),
        transposed_(shape.head_channels * shape.head_channels),
        columns_(3 * shape.width()) {}

  static bool suits(const Shape& shape) { return 2 * shape.pixels <= shape.channels; }

  /// y [P,C], all but the bias.
  void forward(const float* x, float* y) {
    attend(x);
    add_product(shape_.pixels, shape_.channels, shape_.width(), {out_.data(), shape_.width()},
                weights_.out_transposed.const_data_ptr<float>(), shape_.channels, y,
                shape_.channels);
  }

  void backward(const float* dy, const float* x, float* dx, const WeightGradients& gradients) {
    const int64_t pixels = shape_.pixels, channels = shape_.channels, width = shape_.width();
    dqkv_.resize(qkv_.size());
    dout_.resize(out_.size());
    attend(x);
    set_product(pixels, width, channels, {dy, channels}, weights_.out.const_data_ptr<float>(),
                width, dout_.data(), width);
    add_product(width, channels, pixels, MatrixView{out_.data(), width}.transposed(), dy, channels,
                gradients.out_transposed, channels);
    for (int64_t first = 0; first < width; first += shape_.head_channels) backward_head(first);
    softmax_heads_backward(q(), dq(), pixels, shape_);
    dot_columns(k(), dk(), pixels, width, columns_.data());
    softmax_pixels_backward(k(), dk(), pixels, width, columns_.data());
    std::fill_n(dx, pixels * channels, 0.0F);
    for (int64_t i = 0; i < 3; ++i) {
      const MatrixView gradient = {dqkv_.data() + i * size(), width};
      add_product(pixels, channels, width, gradient, weights_.query() + i * width * channels,
                  channels, dx, channels);
      add_product(width, channels, pixels, gradient.transposed(), x, channels,
                  gradients.qkv + i * width * channels, channels);
    }
  }

 private:
  int64_t size() const { return shape_.pixels * shape_.width(); }

  // [P,D] each
  float* q() { return qkv_.data(); }
  float* k() { return q() + size(); }
  float* v() { return k() + size(); }
  float* dq() { return dqkv_.data(); }
  float* dk() { return dq() + size(); }
  float* dv() { return dk() + size(); }

  /// q, k, v, context and output of the picture.
  void attend(const float* x) {
    const int64_t pixels = shape_.pixels, width = shape_.width(), d = shape_.head_channels;
    for (int64_t i = 0; i < 3; ++i) {
      project(x, pixels, weights_.query_transposed() + i * width, weights_, shape_,
              qkv_.data() + i * size());
    }
    softmax_heads(q(), pixels, shape_, /*small=*/false);
    softmax_all_pixels();
    for (int64_t first = 0; first < width; first += d) {
      float* context = context_.data() + first * d;
      set_product(d, d, pixels, MatrixView{k() + first, width}.transposed(), v() + first, width,
                  context, d);
      for (int64_t i = 0; i < d * d; ++i) context[i] *= shape_.context_factor();
      set_product(pixels, d, d, {q() + first, width}, context, d, out_.data() + first, width);
    }
  }

  void softmax_all_pixels() {
    const int64_t width = shape_.width();
    float *maxima = columns_.data(), *sums = maxima + width, *rescale = sums + width;
    std::fill_n(maxima, width, -1e30F);
    std::fill_n(sums, width, 0.0F);
    softmax_pixels_block(k(), shape_.pixels, width, maxima, sums, rescale);
    for (int64_t c = 0; c < width; ++c) rescale[c] = 1.0F / sums[c];
    scale_columns(k(), shape_.pixels, width, rescale);
  }

  /// Through out = q context and context = k^T v to q, k and v.
  void backward_head(int64_t first) {
    const int64_t pixels = shape_.pixels, width = shape_.width(), d = shape_.head_channels;
    transpose(d, d, context_.data() + first * d, d, transposed_.data(), d);
    set_product(pixels, d, d, {dout_.data() + first, width}, transposed_.data(), d, dq() + first,
                width);
    float* dcontext = context_.data() + first * d;
    set_product(d, d, pixels, MatrixView{q() + first, width}.transposed(), dout_.data() + first,
                width, dcontext, d);
    for (int64_t i = 0; i < d * d; ++i) dcontext[i] *= shape_.context_factor();
    set_product(pixels, d, d, {k() + first, width}, dcontext, d, dv() + first, width);
    transpose(d, d, dcontext, d, transposed_.data(), d);
    set_product(pixels, d, d, {v() + first, width}, transposed_.data(), d, dk() + first, width);
  }

  const Weights& weights_;
  Shape shape_;
  std::vector<float> qkv_, out_;  // [3,P,D], [P,D]
  std::vector<float> dqkv_, dout_;
  std::vector<float> context_;     // [heads,d,d], then its gradient
  std::vector<float> transposed_;  // [d,d], of either
  std::vector<float> columns_;     // [3,D]
};

Shape shape_of(const Tensor& x, const Tensor& to_out, int64_t heads) {
  return {x.size(2) * x.size(3), x.size(1), heads, to_out.size(1) / heads};
}

Tensor forward_few_pixels(const Tensor& x, const Weights& weights, const Tensor& bias,
                          const Shape& shape) {
  const int64_t values = shape.pixels * shape.channels;
  Tensor y = at::empty_like(x);
  for_each_share(x.size(0), [&](int64_t, int64_t begin, int64_t end) {
    FewPixels picture(weights, shape);
    for (int64_t n = begin; n < end; ++n) {
      float* to = y.mutable_data_ptr<float>() + n * values;
      repeat_row(bias.const_data_ptr<float>(), shape.channels, shape.pixels, to);
      picture.forward(x.const_data_ptr<float>() + n * values, to);
    }
  });
  return y;
}

std::tuple<Tensor, Tensor, Tensor> linear_attention_forward(const Tensor& x, const Tensor& to_qkv,
                                                            const Tensor& to_out,
                                                            const Tensor& out_bias, int64_t heads) {
  const Shape shape = shape_of(x, to_out, heads);
  const Weights weights(to_qkv, to_out, shape);
  const Tensor bias = out_bias.contiguous();
  if (FewPixels::suits(shape)) {
    const Tensor nothing = at::empty({0}, weights.qkv.options());
    return {forward_few_pixels(x, weights, bias, shape), nothing, nothing};
  }
  const int64_t values = shape.pixels * shape.channels;
  Tensor y = at::empty_like(x);
  Tensor averages = at::empty({x.size(0), shape.width(), shape.channels}, weights.qkv.options());
  Tensor log_sums = at::empty({x.size(0), shape.width()}, weights.qkv.options());

  for_each_share(x.size(0), [&](int64_t, int64_t begin, int64_t end) {
    Scratch scratch(shape);
    for (int64_t n = begin; n < end; ++n) {
      forward_picture(x.const_data_ptr<float>() + n * values, weights, bias.const_data_ptr<float>(),
                      shape, scratch, y.mutable_data_ptr<float>() + n * values,
                      averages.mutable_data_ptr<float>() + n * averages.stride(0),
                      log_sums.mutable_data_ptr<float>() + n * log_sums.stride(0));
    }
  });
  return {y, averages, log_sums};
}

std::tuple<Tensor, Tensor, Tensor> linear_attention_backward(const Tensor& dy, const Tensor& x,
                                                             const Tensor& to_qkv,
                                                             const Tensor& to_out, int64_t heads,
                                                             const Tensor& averages,
                                                             const Tensor& log_sums) {
  const Shape shape = shape_of(x, to_out, heads);
  const Weights weights(to_qkv, to_out, shape);
  const int64_t values = shape.pixels * shape.channels;
  Tensor dx = at::empty_like(x);
  const int64_t shares = shares_of(x.size(0));
  const Tensor dqkv = at::zeros({shares, 3 * shape.width(), shape.channels}, weights.qkv.options());
  const Tensor dout = at::zeros({shares, shape.width(), shape.channels}, weights.qkv.options());

  for_each_share(x.size(0), [&](int64_t share, int64_t begin, int64_t end) {
    const WeightGradients gradients = {dqkv.mutable_data_ptr<float>() + share * dqkv.stride(0),
                                       dout.mutable_data_ptr<float>() + share * dout.stride(0)};
    if (FewPixels::suits(shape)) {
      FewPixels picture(weights, shape);
      for (int64_t n = begin; n < end; ++n) {
        picture.backward(dy.const_data_ptr<float>() + n * values,
                         x.const_data_ptr<float>() + n * values,
                         dx.mutable_data_ptr<float>() + n * values, gradients);
      }
      return;
    }
    Scratch scratch(shape);
    for (int64_t n = begin; n < end; ++n) {
      const float* picture = x.const_data_ptr<float>() + n * values;
      const float* average = averages.const_data_ptr<float>() + n * averages.stride(0);
      float* dpicture = dx.mutable_data_ptr<float>() + n * values;
      const bool small = weights.make_small_logits(picture, shape);
      mix(average, weights, shape, scratch);
      backward_query(dy.const_data_ptr<float>() + n * values, picture, weights, shape, small,
                     scratch, dpicture, gradients);
      backward_mix(average, weights, shape, scratch, gradients);
      backward_key(picture, average, log_sums.const_data_ptr<float>() + n * log_sums.stride(0),
                   weights, shape, small, scratch, dpicture, gradients);
    }
  });
  return {dx, dqkv.sum(0).view_as(to_qkv), dout.sum(0).t().reshape(to_out.sizes())};
}

}  // namespace

}  // namespace gm::ops::GM_KERNEL_SET

TORCH_LIBRARY_IMPL(gm, CPU, library) {
  using namespace gm::ops::GM_KERNEL_SET;
  if (!kernels_run_here()) return;
  library.impl("linear_attention_forward", &linear_attention_forward);
  library.impl("linear_attention_backward", &linear_attention_backward);
}
