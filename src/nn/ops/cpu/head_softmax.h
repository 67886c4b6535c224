/// The softmaxes of linear attention: of q over each head's channels, of k over the pixels.
/// Matrices are [rows,D], one row per pixel. D and the channels d of a head are multiples of 8. All
/// functions work in place.
#pragma once

#include <cstdint>

#include "nn/ops/cpu/simd.h"

namespace gm::ops::GM_KERNEL_SET {

/// For logits of at most this absolute value, exp is computed directly: the exponentials, their
/// sums and their ratios stay within the range of float. For larger logits the maximum is
/// subtracted first. `small` below means that no logit is larger.
inline constexpr float kSmallLogit = 30.0F;

/// Softmax over each group of d of the `count` values q.
void softmax_heads(float* q, int64_t count, int64_t d, bool small);

/// dq = q * (dq - sum over the head of q * dq).
void softmax_heads_backward(const float* q, float* dq, int64_t count, int64_t d);

/// Adds a block k [rows,D] to a softmax over pixels, for small logits: k becomes exp(k), which is
/// added to `sums` [D].
void softmax_pixels_block(float* k, int64_t rows, int64_t width, float* sums);

/// The same for logits of any size. `maxima` and `sums` [D] are those of the blocks so far. k
/// becomes exp(k - maximum). `rescale` [D] becomes the factors that convert sums under the old
/// maxima to sums under the new ones. (Milakov and Gimelshein, "Online normalizer calculation for
/// softmax", 2018.)
void softmax_pixels_block(float* k, int64_t rows, int64_t width, float* maxima, float* sums,
                          float* rescale);

/// k = exp(k - log_sums): the softmax over pixels, once its denominators are known.
void softmax_pixels(float* k, int64_t rows, int64_t width, const float* log_sums, bool small);

/// dk = k * (dk - centers), where centers[c] is the sum over pixels of k * dk.
void softmax_pixels_backward(const float* k, float* dk, int64_t rows, int64_t width,
                             const float* centers);

}  // namespace gm::ops::GM_KERNEL_SET
