/// The softmaxes of linear attention: q's over each head's channels, k's over the pixels. Matrices
/// [rows,D] of pixels, D and the channels d of a head multiples of 8; all in place.
#pragma once

#include <cstdint>

#include "nn/ops/cpu/simd.h"

namespace gm::ops::GM_KERNEL_SET {

/// Logits of no more than this either way go through exp as they are: neither their exponentials
/// nor sums and ratios of those leave its range. Larger ones first have their maximum taken away.
/// `small` below says that all logits are of the first kind.
inline constexpr float kSmallLogit = 30.0F;

/// Softmax over each d of the `count` values q.
void softmax_heads(float* q, int64_t count, int64_t d, bool small);

/// dq = q * (dq - sum over the head of q * dq).
void softmax_heads_backward(const float* q, float* dq, int64_t count, int64_t d);

/// One more block k [rows,D] of a softmax over pixels of small logits: k becomes exp(k), which is
/// added to `sums` [D].
void softmax_pixels_block(float* k, int64_t rows, int64_t width, float* sums);

/// The same for logits of any size. `maxima` and `sums` [D] are those of the blocks so far; k
/// becomes exp(k - maximum), and `rescale` [D] the factors which bring everything that was summed
/// under the old maxima to the new ones. (Milakov and Gimelshein, "Online normalizer calculation
/// for softmax", 2018.)
void softmax_pixels_block(float* k, int64_t rows, int64_t width, float* maxima, float* sums,
                          float* rescale);

/// k = exp(k - log_sums): the softmax over pixels, once its denominators are known.
void softmax_pixels(float* k, int64_t rows, int64_t width, const float* log_sums, bool small);

/// dk = k * (dk - centers), where centers[c] is the sum over pixels of k * dk.
void softmax_pixels_backward(const float* k, float* dk, int64_t rows, int64_t width,
                             const float* centers);

}  // namespace gm::ops::GM_KERNEL_SET
