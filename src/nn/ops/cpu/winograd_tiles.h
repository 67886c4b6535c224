/// 3x3 convolutions (stride 1, a border of zeros) by Winograd's minimal filtering: tiles of 4x4
/// results cost 36 products for each pair of channels instead of 144.
///
/// Lavin and Gray, "Fast algorithms for convolutional neural networks", 2015: with
/// y = A^T [(G w G^T) * (B^T x B)] A for a tile, * element by element, the sum over channels makes
/// of each of the 36 elements a product of matrices. The matrices A, B, G belong to the points
/// 0, +-sqrt(1/2), +-sqrt(2) and infinity, which lose half as many digits as the usual 0, +-1, +-2
/// and infinity at the same cost.
///
/// Here are the ways into that form and out of it; winograd.h and nonfused_winograd.h have the
/// products between them. All functions run on the calling thread and expect channels in multiples
/// of 8.
#pragma once

#include <cstdint>

#include "nn/ops/cpu/images.h"
#include "nn/ops/cpu/simd.h"

namespace gm::ops::GM_KERNEL_SET::winograd {

/// The elements of a transformed tile.
inline constexpr int64_t kElements = 36;

/// A matrix for each element, in an order of their own, `step` floats from one to the next.
template <class Float>
struct Elements {
  Float* data;
  int64_t step;

  Float* operator[](int64_t element) const { return data + element * step; }
};

/// The least step of matrices of `count` floats. They are not dense, for the sake of the caches.
int64_t element_stride(int64_t count);

/// The tiles of an image. Those of several images are counted on.
int64_t tiles_of(int64_t height, int64_t width);

/// B^T x B of the windows around `count` tiles from number `first` on: [count,C] for each element.
void transform_windows(const Images<const float>& x, int64_t first, int64_t count,
                       const Elements<float>& to);

/// A^T m A of the same tiles' products m, plus `bias` [C] unless null, to the images y.
void transform_results(const Elements<const float>& from, const float* bias, int64_t first,
                       int64_t count, const Images<float>& y);

/// A dy A^T of the gradients of results, in one part; adds their sums over the pixels to `sums`
/// [C].
void transform_gradients(const Images<const float>& dy, int64_t first, int64_t count,
                         const Elements<float>& to, float* sums);

/// A matrix for each of the 3x3 taps, whose rows are contiguous.
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

/// The taps `to` become G^T u G, or that is added to them: u is the sum over `shares` of
/// [rows,columns] for each element; the next share's elements follow those of the one before.
void fold_taps(const Elements<const float>& dforms, int64_t shares, int64_t rows, int64_t columns,
               bool add, const Taps<float>& to);

}  // namespace gm::ops::GM_KERNEL_SET::winograd
