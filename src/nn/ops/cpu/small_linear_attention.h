/// Linear attention within an image of few pixels, where computing v and the output is cheaper than
/// the products of linear_attention.cpp.
#pragma once

#include <vector>

#include "nn/ops/cpu/linear_attention.h"

namespace gm::ops::GM_KERNEL_SET {

/// The work space of one thread. Backward recomputes everything.
class SmallLinearAttention {
 public:
  SmallLinearAttention(const LinearAttentionWeights& weights, const AttentionShape& shape);

  static bool suits(const AttentionShape& shape) { return 2 * shape.pixels <= shape.channels; }

  /// y [P,C] of the image x [P,C].
  void forward(const float* x, const float* bias, float* y);

  /// Sets dx, and adds to the gradients of the weights.
  void backward(const float* dy, const float* x, float* dx, const AttentionGradients& gradients);

 private:
  int64_t size() const { return shape_.pixels * shape_.width(); }

  // [P,D] each
  float* q() { return qkv_.data(); }
  float* k() { return q() + size(); }
  float* v() { return k() + size(); }
  float* dq() { return dqkv_.data(); }
  float* dk() { return dq() + size(); }
  float* dv() { return dk() + size(); }

  /// Computes q, k, v, context and output of the image.
  void attend(const float* x);
  void softmax_all_pixels();
  /// Backward of out = q context and context = k^T v to q, k and v.
  void backward_head(int64_t first);

  const LinearAttentionWeights& weights_;
  AttentionShape shape_;
  std::vector<float> qkv_, out_;  // [3,P,D], [P,D]
  std::vector<float> dqkv_, dout_;
  std::vector<float> context_;     // [heads,d,d], then its gradient
  std::vector<float> transposed_;  // [d,d], of either
  std::vector<float> columns_;     // [3,D]
};

}  // namespace gm::ops::GM_KERNEL_SET
