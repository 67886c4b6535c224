/// Full attention of every pixel with every other.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace gm::ops {

/// What similarities of q and k are multiplied by.
inline constexpr double kAttentionScale = 10.0;

/// Cosine-similarity attention (Henry et al., "Query-key normalization for transformers", 2020) of
/// `x` [N,C,H,W] with itself, its projections included: q, k, v from `to_qkv` [3*D,C,1,1], `to_out`
/// [C,D,1,1] and `out_bias` [C]. As in denoising-diffusion-pytorch 0.27.12, q and k are brought to
/// length 1 along the *pixels* of each channel, not along a head's channels; the similarities,
/// times kAttentionScale, go through a softmax. The result is like `x`.
at::Tensor attention(const at::Tensor& x, const at::Tensor& to_qkv, const at::Tensor& to_out,
                     const at::Tensor& out_bias, int64_t heads);

/// The same as plain ATen operators: the oracle, and the way on any device, shape and type.
at::Tensor attention_plain(const at::Tensor& x, const at::Tensor& to_qkv, const at::Tensor& to_out,
                           const at::Tensor& out_bias, int64_t heads);

}  // namespace gm::ops
