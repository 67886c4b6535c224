#include "nn/ops/cpu/product.h"

#include <algorithm>

#include "nn/ops/cpu/simd.h"

namespace gm::ops {

namespace {

/// The tile that is summed up in registers: 6 x 16 floats take 12 of AVX2's 16, and 12 sums are
/// enough to hide the latency of two fused multiply-adds a cycle.
constexpr int64_t kRows = 6;
constexpr int64_t kVectors = 2;

template <int64_t rows, int64_t vectors>
GM_INLINE void tile(int64_t k, const MatrixView& a, const float* b, int64_t b_stride, float* c,
                    int64_t c_stride, bool add) {
  Lanes sums[rows][vectors] = {};
  for (int64_t l = 0; l < k; ++l) {
    Lanes from_b[vectors];
    for (int64_t j = 0; j < vectors; ++j) from_b[j] = load(b + l * b_stride + j * kLanes);
#pragma GCC unroll 6
    for (int64_t i = 0; i < rows; ++i) {
      const Lanes from_a = broadcast(a.data[i * a.row_stride + l * a.column_stride]);
      for (int64_t j = 0; j < vectors; ++j) sums[i][j] += from_a * from_b[j];
    }
  }
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < vectors; ++j) {
      float* to = c + i * c_stride + j * kLanes;
      store(to, add ? load(to) + sums[i][j] : sums[i][j]);
    }
  }
}

/// `vectors` * 8 columns of c, and all its rows.
template <int64_t vectors>
GM_INLINE void columns(int64_t m, int64_t k, MatrixView a, const float* b, int64_t b_stride,
                       float* c, int64_t c_stride, bool add) {
  int64_t i = 0;
  for (; i + kRows <= m; i += kRows) {
    tile<kRows, vectors>(k, a, b, b_stride, c + i * c_stride, c_stride, add);
    a.data += kRows * a.row_stride;
  }
  float* rest = c + i * c_stride;
  switch (m - i) {
    case 5:
      return tile<5, vectors>(k, a, b, b_stride, rest, c_stride, add);
    case 4:
      return tile<4, vectors>(k, a, b, b_stride, rest, c_stride, add);
    case 3:
      return tile<3, vectors>(k, a, b, b_stride, rest, c_stride, add);
    case 2:
      return tile<2, vectors>(k, a, b, b_stride, rest, c_stride, add);
    case 1:
      return tile<1, vectors>(k, a, b, b_stride, rest, c_stride, add);
    default:
      return;
  }
}

GM_KERNEL void product(int64_t m, int64_t n, int64_t k, const MatrixView& a, const float* b,
                       int64_t b_stride, float* c, int64_t c_stride, bool add) {
  int64_t j = 0;
  for (; j + kVectors * kLanes <= n; j += kVectors * kLanes) {
    columns<kVectors>(m, k, a, b + j, b_stride, c + j, c_stride, add);
  }
  if (j < n) columns<1>(m, k, a, b + j, b_stride, c + j, c_stride, add);
}

}  // namespace

void add_product(int64_t m, int64_t n, int64_t k, const MatrixView& a, const float* b,
                 int64_t b_stride, float* c, int64_t c_stride) {
  product(m, n, k, a, b, b_stride, c, c_stride, /*add=*/true);
}

void set_product(int64_t m, int64_t n, int64_t k, const MatrixView& a, const float* b,
                 int64_t b_stride, float* c, int64_t c_stride) {
  product(m, n, k, a, b, b_stride, c, c_stride, /*add=*/false);
}

void transpose(int64_t rows, int64_t columns, const float* from, int64_t from_stride, float* to,
               int64_t to_stride) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) to[j * to_stride + i] = from[i * from_stride + j];
  }
}

}  // namespace gm::ops
