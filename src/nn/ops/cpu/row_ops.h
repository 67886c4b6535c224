/// Operations on rows of channels.
#pragma once

#include "nn/ops/cpu/simd.h"

namespace gm::ops::GM_KERNEL_SET {

/// Copies `row` to each of the `count` rows of `to` [count,channels]. Expects `channels` to be a
/// multiple of 8.
GM_KERNEL inline void repeat_row(const float* row, int64_t channels, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i, to += channels) {
    for (int64_t c = 0; c < channels; c += kLanes) store(to + c, load(row + c));
  }
}

/// sums[c] += the sum of column c of the `count` rows [count,channels].
GM_KERNEL inline void add_rows(const float* rows, int64_t channels, int64_t count, float* sums) {
  int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) {
    Lanes total = load(sums + c);
    for (int64_t i = 0; i < count; ++i) total += load(rows + i * channels + c);
    store(sums + c, total);
  }
  for (; c < channels; ++c) {
    for (int64_t i = 0; i < count; ++i) sums[c] += rows[i * channels + c];
  }
}

}  // namespace gm::ops::GM_KERNEL_SET
