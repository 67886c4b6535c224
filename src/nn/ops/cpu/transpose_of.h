/// Weights as the right factors of products.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "nn/ops/cpu/gemm.h"

namespace gm::ops::GM_KERNEL_SET {

/// The transpose of a dense `matrix` [rows,columns], padded with zeros to a multiple of 8 columns,
/// as gemm() needs it.
inline at::Tensor transpose_of(const at::Tensor& matrix) {
  const int64_t rows = matrix.size(0), columns = matrix.size(1), width = (rows + 7) / 8 * 8;
  constexpr int64_t kGrain = 16 * 1024;  // minimum number of floats per thread
  at::Tensor result = width == rows ? at::empty({columns, width}, matrix.options())
                                    : at::zeros({columns, width}, matrix.options());
  at::parallel_for(0, width / 8, kGrain / (8 * columns) + 1, [&](int64_t begin, int64_t end) {
    const int64_t first = 8 * begin;
    transpose(std::min(rows, 8 * end) - first, columns,
              matrix.const_data_ptr<float>() + first * columns, columns,
              result.mutable_data_ptr<float>() + first, width);
  });
  return result;
}

}  // namespace gm::ops::GM_KERNEL_SET
