/// Attention with a cost that is linear in the number of pixels.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace gm::ops {

/// Linear attention (Shen et al., "Efficient attention", 2018) of `x` [N,C,H,W] with itself,
/// including the projections. With q, k, v from `to_qkv` [3*D,C,1,1], D = heads * d channels each:
///
///   softmax of q over a head's channels, of k over the pixels,
///   out = Wout (q d^-1/2 (k^T v / (H * W))) + `out_bias`
///
/// for each head, with `to_out` = Wout [C,D,1,1] and `out_bias` [C]. The result has the shape of
/// `x`.
at::Tensor linear_attention(const at::Tensor& x, const at::Tensor& to_qkv, const at::Tensor& to_out,
                            const at::Tensor& out_bias, int64_t heads);

/// The same with plain ATen operators: the reference for tests, and the fallback for devices,
/// shapes and types without a kernel.
at::Tensor linear_attention_plain(const at::Tensor& x, const at::Tensor& to_qkv,
                                  const at::Tensor& to_out, const at::Tensor& out_bias,
                                  int64_t heads);

}  // namespace gm::ops
