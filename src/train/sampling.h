/// Samples made by all ranks together.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "comm/communicator.h"
#include "tasks/task.h"

namespace gm {

struct SamplingRequest {
  uint64_t seed = 0;
  int64_t count = 64;       ///< Pictures of all ranks together.
  int64_t batch_size = 64;  ///< Pictures that a rank makes at a time.
};

/// Pictures 0 .. count - 1 of the series of `seed`, uint8 [count,H,W,C], the same on every rank and
/// for any number of ranks. Every rank makes its share, so every rank has to come here.
/// Throws StopRequested on all ranks, between two reverse steps, when one of them got a signal.
at::Tensor sample_on_all_ranks(Task& task, Communicator& communicator,
                               const SamplingRequest& request);

}  // namespace gm
