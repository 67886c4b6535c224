/// What a run needs besides tensors to continue where it stopped.
#pragma once

#include <cstdint>

namespace gm {

/// Where a run stands. Every random number and the order of the images follow from the seed and
/// `images`, so there is no generator state to keep.
struct RunState {
  int64_t step = 0;  ///< Optimizer steps done, those skipped for a non-finite gradient among them.
  int64_t images = 0;  ///< Images seen by the whole world: also the next global sample position.
  int64_t nonfinite_in_a_row = 0;  ///< How many of the last steps were skipped.
};

}  // namespace gm
