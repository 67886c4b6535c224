/// Products of small matrices that fit in a cache.
#pragma once

#include <cstdint>

#include "nn/ops/cpu/simd.h"

namespace gm::ops::GM_KERNEL_SET {

/// A matrix of floats with any stride between rows and between columns. Its transpose is the same
/// memory with the two strides exchanged.
struct MatrixView {
  const float* data;
  int64_t row_stride;
  int64_t column_stride = 1;

  MatrixView transposed() const { return {data, column_stride, row_stride}; }
};

/// c[m,n] += a[m,k] * b[k,n]. Rows of `b` and `c` are contiguous, `b_stride` and `c_stride` floats
/// apart. Expects n to be a multiple of 8. Runs on the calling thread.
void gemm_add(int64_t m, int64_t n, int64_t k, const MatrixView& a, const float* b,
              int64_t b_stride, float* c, int64_t c_stride);

/// The same, but overwrites `c`.
void gemm(int64_t m, int64_t n, int64_t k, const MatrixView& a, const float* b, int64_t b_stride,
          float* c, int64_t c_stride);

/// to[columns,rows] = transpose of from[rows,columns].
void transpose(int64_t rows, int64_t columns, const float* from, int64_t from_stride, float* to,
               int64_t to_stride);

}  // namespace gm::ops::GM_KERNEL_SET
