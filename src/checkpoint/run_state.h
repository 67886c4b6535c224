/// What a run needs besides tensors to continue where it stopped.
#pragma once

#include <cstdint>

namespace gm {

/// The progress of a run. The seed and `samples` determine every random number and the order of the
/// samples, so there is no generator state to save.
struct RunState {
  int64_t step = 0;  ///< Optimizer steps done, including those skipped for a non-finite gradient.
  int64_t samples = 0;  ///< Samples seen by all ranks: also the next global sample position.
  int64_t nonfinite_in_a_row = 0;  ///< How many of the last steps were skipped.
};

}  // namespace gm
