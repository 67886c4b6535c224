/// The right factor of a product, in the order in which gemm() reads it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "nn/ops/cpu/simd.h"

namespace gm::ops::GM_KERNEL_SET {

/// A matrix [rows,columns] cut into panels of columns, one after the other, so that a tile reads
/// contiguous memory. The last panel may be narrower.
struct Panels {
  int64_t rows, columns;
  int64_t most;  // columns of a panel

  /// Width of the panel whose first column is j: the distance in floats between its rows.
  int64_t width(int64_t j) const { return std::min(most, columns - j); }
  /// Offset of row k of the panel whose first column is j.
  int64_t at(int64_t k, int64_t j) const { return j * rows + k * width(j); }
};

}  // namespace gm::ops::GM_KERNEL_SET
