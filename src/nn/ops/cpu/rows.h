/// Rows of channels.
#pragma once

#include "nn/ops/cpu/simd.h"

namespace gm::ops::GM_KERNEL_SET {

/// Each of the `count` rows of `to` [count,channels] becomes `row`. Expects `channels` to be a
/// multiple of 8.
GM_KERNEL inline void repeat_row(const float* row, int64_t channels, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i, to += channels) {
    for (int64_t c = 0; c < channels; c += kLanes) store(to + c, load(row + c));
  }
}

}  // namespace gm::ops::GM_KERNEL_SET
