/// 3x3 convolutions (stride 1, zero padding) by Winograd's minimal filtering: a tile of 4x4 results
/// costs 36 products for each pair of channels instead of 144.
///
/// Lavin and Gray, "Fast algorithms for convolutional neural networks", 2015: a tile is
/// y = A^T [(G w G^T) * (B^T x B)] A, where * is elementwise. Summed over the channels, each of the
/// 36 elements is a product of matrices. The matrices A, B, G belong to the points 0,
/// +-sqrt(1/2), +-sqrt(2) and infinity. They lose half as many digits as the usual points 0, +-1,
/// +-2 and infinity, at the same cost.
///
/// This header has the transforms to and from that form; winograd.h and nonfused_winograd.h have
/// the products. All functions run on the calling thread and expect channels in multiples of 8.
#pragma once

#include <cstdint>

#include "nn/ops/cpu/images.h"
#include "nn/ops/cpu/simd.h"

namespace gm::ops::GM_KERNEL_SET::winograd {

/// The number of elements of a transformed tile.
inline constexpr int64_t kElements = 36;

/// A matrix for each element, in an internal order, `step` floats from one to the next.
template <class Float>
struct Elements {
  Float* data;
  int64_t step;

  Float* operator[](int64_t element) const { return data + element * step; }
};

/// The minimum step of matrices of `count` floats. They are not dense, to avoid cache conflicts.
int64_t element_stride(int64_t count);

/// The number of tiles of an image. The tiles of several images are numbered consecutively.
int64_t tiles_of(int64_t height, int64_t width);

/// B^T x B of the windows around `count` tiles, starting at tile `first`: [count,C] per element.
void transform_windows(const Images<const float>& x, int64_t first, int64_t count,
                       const Elements<float>& to);

/// A^T m A of the products m of the same tiles, plus `bias` [C] unless null. Writes to the images
/// y.
void transform_results(const Elements<const float>& from, const float* bias, int64_t first,
                       int64_t count, const Images<float>& y);

/// A dy A^T of the gradients dy of results, which must have one channel part. Adds the sums of dy
/// over the pixels to `sums` [C].
void transform_gradients(const Images<const float>& dy, int64_t first, int64_t count,
                         const Elements<float>& to, float* sums);

/// A matrix with contiguous rows for each of the 3x3 taps.
template <class Float>
struct Taps {
  Float* data;
  int64_t tap_stride;
  int64_t row_stride;

  Taps from(int64_t row, int64_t column) const {
    return {data + row * row_stride + column, tap_stride, row_stride};
  }
};

/// G w G^T of the first rows and columns of `taps`: [rows,columns] for each element.
void transform_taps(const Taps<const float>& taps, int64_t rows, int64_t columns,
                    const Elements<float>& packed_weight);

/// Sets the taps `to` to G^T u G, or adds it to them. u is the sum over `shares` of [rows,columns]
/// for each element. The elements of a share follow those of the previous share.
void fold_taps(const Elements<const float>& dpacked_weights, int64_t shares, int64_t rows,
               int64_t columns, bool add, const Taps<float>& to);

}  // namespace gm::ops::GM_KERNEL_SET::winograd
