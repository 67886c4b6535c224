/// Attention whose cost grows with the number of pixels, not with its square.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace gm::ops {

/// Linear attention (Shen et al., "Efficient attention", 2018) of `x` [N,C,H,W] with itself, its
/// projections included: with q, k, v of `to_qkv` [3*D,C,1,1], D = heads * d channels for each,
///
///   softmax over a head's channels of q, over the pixels of k,
///   out = Wout (q d^-1/2 (k^T v / (H * W))) + `out_bias`
///
/// for each head, with `to_out` = Wout [C,D,1,1] and `out_bias` [C]. The result is like `x`.
at::Tensor linear_attention(const at::Tensor& x, const at::Tensor& to_qkv, const at::Tensor& to_out,
                            const at::Tensor& out_bias, int64_t heads);

/// The same as plain ATen operators: the oracle, and the way on any device, shape and type.
at::Tensor linear_attention_plain(const at::Tensor& x, const at::Tensor& to_qkv,
                                  const at::Tensor& to_out, const at::Tensor& out_bias,
                                  int64_t heads);

}  // namespace gm::ops
