/// Full attention between all pairs of pixels.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace gm::ops {

/// The factor of the similarities of q and k.
inline constexpr double kAttentionScale = 10.0;

/// Cosine-similarity attention (Henry et al., "Query-key normalization for transformers", 2020) of
/// `x` [N,C,H,W] with itself, including the projections: q, k, v from `to_qkv` [3*D,C,1,1], then
/// `to_out` [C,D,1,1] and `out_bias` [C]. As in denoising-diffusion-pytorch 0.27.12, q and k are
/// normalised to length 1 along the *pixels* of each channel, not along a head's channels. The
/// similarities, times kAttentionScale, pass through a softmax. The result has the shape of `x`.
at::Tensor attention(const at::Tensor& x, const at::Tensor& to_qkv, const at::Tensor& to_out,
                     const at::Tensor& out_bias, int64_t heads);

/// The same with plain ATen operators: the reference for tests, and the fallback for devices,
/// shapes and types without a kernel.
at::Tensor attention_plain(const at::Tensor& x, const at::Tensor& to_qkv, const at::Tensor& to_out,
                           const at::Tensor& out_bias, int64_t heads);

}  // namespace gm::ops
