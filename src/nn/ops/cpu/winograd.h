/// 3x3 convolutions (stride 1, a border of zeros) by Winograd's minimal filtering: tiles of 4x4
/// results cost 36 products for each pair of channels instead of 144.
///
/// Lavin and Gray, "Fast algorithms for convolutional neural networks", 2015: with
/// y = A^T [(G w G^T) * (B^T x B)] A for a tile, * element by element, the sum over channels makes
/// of each of the 36 elements a product of matrices. The matrices A, B, G belong to the points
/// 0, +-sqrt(1/2), +-sqrt(2) and infinity, which lose half as many digits as the usual 0, +-1, +-2
/// and infinity at the same cost.
///
/// All functions run on the calling thread and expect channels in multiples of 8.
#pragma once

#include <cstdint>

#include "nn/ops/cpu/pictures.h"
#include "nn/ops/cpu/simd.h"

namespace gm::ops::GM_KERNEL_SET::winograd {

/// The elements of a transformed tile.
inline constexpr int64_t kElements = 36;

/// Floats from one element of a transformed weight, `count` = in * out of them, to the next. They
/// are not dense, for the sake of the caches.
int64_t element_stride(int64_t count);

/// form = G w G^T for convolve(), 36 elements in an order of its own, from the taps [3,3,in,out] of
/// a weight. Does the input channels [begin,end), so that threads can share the work.
void transform_weight(const float* taps, int64_t in, int64_t out, int64_t begin, int64_t end,
                      float* form);

/// The same for the convolution that takes the gradients of results to those of inputs, from the
/// `weight` [out,3,3,in]. Does the output channels [begin,end).
void transform_weight_backward(const float* weight, int64_t in, int64_t out, int64_t begin,
                               int64_t end, float* form);

/// How many floats of scratch the functions below want. The same for in and out exchanged.
int64_t scratch_size(int64_t in, int64_t out);

/// y = convolution of `count` pictures x with the weight behind `form`, plus `bias` [C] unless
/// null.
void convolve(const Pictures<const float>& x, int64_t count, const float* form, const float* bias,
              const Pictures<float>& y, float* scratch);

/// Sets `dform` [36,out,in], with the stride of a form, to the gradient of the transformed weight
/// and `dbias` [out] to that of the bias, from `count` pictures x and the gradients dy of their
/// results, in one part.
void weight_gradient(const Pictures<const float>& x, const Pictures<const float>& dy, int64_t count,
                     float* dform, float* dbias, float* scratch);

/// Sums the gradients `dforms` [shares,36,out,in] and brings them back: dweight = G^T dform G,
/// [out,3,3,in]. Does the output channels [begin,end).
void fold_weight_gradient(const float* dforms, int64_t shares, int64_t in, int64_t out,
                          int64_t begin, int64_t end, float* dweight);

}  // namespace gm::ops::GM_KERNEL_SET::winograd
