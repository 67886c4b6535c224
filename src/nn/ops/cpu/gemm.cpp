#include "nn/ops/cpu/gemm.h"

#include <cstring>

#include "nn/ops/cpu/simd.h"

namespace gm::ops::GM_KERNEL_SET {

namespace {

/// The tile that is accumulated in registers: 6 rows of 2 vectors. 12 accumulators hide the latency
/// of two fused multiply-adds per cycle, and leave 4 of 16 registers for the factors.
constexpr int64_t kRows = 6;
constexpr int64_t kVectors = 2;

/// The widest vector of the kernel set.
#if defined(GM_KERNELS_AVX512)
using Wide = float __attribute__((vector_size(64)));
#else
using Wide = Lanes;
#endif

template <class Vector>
constexpr int64_t kWidth = sizeof(Vector) / sizeof(float);

template <class Vector>
GM_INLINE Vector load_vector(const float* from) {
  Vector vector;
  std::memcpy(&vector, from, sizeof vector);
  return vector;
}

template <class Vector>
GM_INLINE void store_vector(float* to, const Vector& vector) {
  std::memcpy(to, &vector, sizeof vector);
}

template <class Vector, int64_t rows, int64_t vectors>
GM_INLINE void tile(int64_t k, const MatrixView& a, const float* b, int64_t b_stride, float* c,
                    int64_t c_stride, bool add) {
  Vector sums[rows][vectors] = {};
  for (int64_t l = 0; l < k; ++l) {
    Vector from_b[vectors];
    for (int64_t j = 0; j < vectors; ++j) {
      from_b[j] = load_vector<Vector>(b + l * b_stride + j * kWidth<Vector>);
    }
#pragma GCC unroll 6
    for (int64_t i = 0; i < rows; ++i) {
      const Vector from_a = a.data[i * a.row_stride + l * a.column_stride] - Vector{};
      for (int64_t j = 0; j < vectors; ++j) sums[i][j] += from_a * from_b[j];
    }
  }
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < vectors; ++j) {
      float* to = c + i * c_stride + j * kWidth<Vector>;
      store_vector(to, add ? load_vector<Vector>(to) + sums[i][j] : sums[i][j]);
    }
  }
}

/// The same for `rows` up to kRows.
template <class Vector, int64_t vectors>
GM_INLINE void tile_of(int64_t rows, int64_t k, const MatrixView& a, const float* b,
                       int64_t b_stride, float* c, int64_t c_stride, bool add) {
  switch (rows) {
    case 6:
      return tile<Vector, 6, vectors>(k, a, b, b_stride, c, c_stride, add);
    case 5:
      return tile<Vector, 5, vectors>(k, a, b, b_stride, c, c_stride, add);
    case 4:
      return tile<Vector, 4, vectors>(k, a, b, b_stride, c, c_stride, add);
    case 3:
      return tile<Vector, 3, vectors>(k, a, b, b_stride, c, c_stride, add);
    case 2:
      return tile<Vector, 2, vectors>(k, a, b, b_stride, c, c_stride, add);
    default:
      return tile<Vector, 1, vectors>(k, a, b, b_stride, c, c_stride, add);
  }
}

/// The number of rows of the next tile, out of `rows` remaining ones. The last two tiles share the
/// remaining rows: a tile of few rows would neither hide the latency nor be worth its loads of b.
int64_t next_rows(int64_t rows) {
  if (rows >= 2 * kRows || rows == kRows) return kRows;
  return rows > kRows ? (rows + 1) / 2 : rows;
}

/// Computes `vectors` vectors of columns of c, with all its rows.
template <class Vector, int64_t vectors>
GM_INLINE void columns(int64_t m, int64_t k, MatrixView a, const float* b, int64_t b_stride,
                       float* c, int64_t c_stride, bool add) {
  while (m > 0) {
    const int64_t rows = next_rows(m);
    tile_of<Vector, vectors>(rows, k, a, b, b_stride, c, c_stride, add);
    a.data += rows * a.row_stride;
    c += rows * c_stride;
    m -= rows;
  }
}

GM_KERNEL void product(int64_t m, int64_t n, int64_t k, const MatrixView& a, const float* b,
                       int64_t b_stride, float* c, int64_t c_stride, bool add) {
  int64_t j = 0;
  for (; j + kVectors * kWidth<Wide> <= n; j += kVectors * kWidth<Wide>) {
    columns<Wide, kVectors>(m, k, a, b + j, b_stride, c + j, c_stride, add);
  }
  for (; j + kWidth<Wide> <= n; j += kWidth<Wide>) {
    columns<Wide, 1>(m, k, a, b + j, b_stride, c + j, c_stride, add);
  }
  if (j < n) columns<Lanes, 1>(m, k, a, b + j, b_stride, c + j, c_stride, add);
}

}  // namespace

void gemm_add(int64_t m, int64_t n, int64_t k, const MatrixView& a, const float* b,
              int64_t b_stride, float* c, int64_t c_stride) {
  product(m, n, k, a, b, b_stride, c, c_stride, /*add=*/true);
}

void gemm(int64_t m, int64_t n, int64_t k, const MatrixView& a, const float* b, int64_t b_stride,
          float* c, int64_t c_stride) {
  product(m, n, k, a, b, b_stride, c, c_stride, /*add=*/false);
}

void transpose(int64_t rows, int64_t columns, const float* from, int64_t from_stride, float* to,
               int64_t to_stride) {
  // Several rows at a time, so that the writes are contiguous.
  constexpr int64_t kTogether = 8;
  int64_t i = 0;
  for (; i + kTogether <= rows; i += kTogether, from += kTogether * from_stride) {
    for (int64_t j = 0; j < columns; ++j) {
      for (int64_t k = 0; k < kTogether; ++k) {
        to[j * to_stride + i + k] = from[k * from_stride + j];
      }
    }
  }
  for (; i < rows; ++i, from += from_stride) {
    for (int64_t j = 0; j < columns; ++j) to[j * to_stride + i] = from[j];
  }
}

}  // namespace gm::ops::GM_KERNEL_SET
