/// The right factor of a product, laid out as it is read.
#pragma once

#include <algorithm>
#include <cstdint>

#include "nn/ops/cpu/simd.h"

namespace gm::ops::GM_KERNEL_SET {

/// A matrix [rows,columns] cut into panels of columns, one after the other, so that what a
/// tile reads is one run of memory. The last panel may be narrower.
struct Panels {
  int64_t rows, columns;
  int64_t most;  // columns of a panel

  /// Of the panel whose first column is j, and so the floats from one of its rows to the next.
  int64_t width(int64_t j) const { return std::min(most, columns - j); }
  /// Where its row k begins.
  int64_t at(int64_t k, int64_t j) const { return j * rows + k * width(j); }
};

}  // namespace gm::ops::GM_KERNEL_SET
