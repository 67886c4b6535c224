/// Shared code of the two implementations of linear attention on the CPU.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "nn/ops/cpu/gemm.h"
#include "nn/ops/cpu/head_softmax.h"
#include "nn/ops/cpu/projections.h"
#include "nn/ops/cpu/simd.h"

namespace gm::ops::GM_KERNEL_SET {

/// The length of the longest row of x [rows,columns].
GM_KERNEL inline float longest_row(const float* x, int64_t rows, int64_t columns) {
  float result = 0.0F;
  for (const float* row = x; row < x + rows * columns; row += columns) {
    Lanes squares = {};
    for (int64_t c = 0; c < columns; c += kLanes) squares += load(row + c) * load(row + c);
    result = std::max(result, sum(squares));
  }
  return std::sqrt(result);
}

/// The scale of q and the mean over pixels, as one factor of the context.
inline float context_factor(const AttentionShape& shape) {
  return 1.0F /
         (std::sqrt(static_cast<float>(shape.head_channels)) * static_cast<float>(shape.pixels));
}

/// The projections, and an upper bound of the logits.
struct LinearAttentionWeights : Projections {
  LinearAttentionWeights(const at::Tensor& to_qkv, const at::Tensor& to_out,
                         const AttentionShape& shape)
      : Projections(to_qkv, to_out),
        width_(shape.width()),
        channels_(shape.channels),
        longest_(longest_row(query(), 2 * width_, channels_)) {}

  /// Whether q and k of the image x [P,C] are certainly small logits: the product of two vectors is
  /// at most the product of their lengths.
  bool make_small_logits(const float* x, const AttentionShape& shape) const {
    return longest_row(x, shape.pixels, shape.channels) * longest_ <= kSmallLogit;
  }

  // [D,C] each
  const float* query() const { return qkv.const_data_ptr<float>(); }
  const float* key() const { return query() + width_ * channels_; }
  const float* value() const { return query() + 2 * width_ * channels_; }
  // [C,D] each, with rows 3 * D floats apart
  const float* query_transposed() const { return qkv_transposed.const_data_ptr<float>(); }
  const float* key_transposed() const { return query_transposed() + width_; }
  const float* value_transposed() const { return query_transposed() + 2 * width_; }
  int64_t transposed_stride() const { return 3 * width_; }

  /// Computes the block x Wq^T or x Wk^T [rows,D] of the pixels x [rows,C].
  void project(const float* x, int64_t rows, const float* transposed, float* to) const {
    gemm(rows, width_, channels_, {x, channels_}, transposed, transposed_stride(), to, width_);
  }

 private:
  int64_t width_, channels_;
  float longest_;  // the length of Wq's and Wk's longest row
};

}  // namespace gm::ops::GM_KERNEL_SET
