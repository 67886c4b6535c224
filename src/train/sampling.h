/// Samples made by all ranks together.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "comm/communicator.h"
#include "tasks/task.h"

namespace gm {

struct SamplingRequest {
  int64_t count = 64;       ///< Pictures of all ranks together.
  int64_t batch_size = 64;  ///< Pictures that a rank makes at a time.
};

/// Makes the pictures number `indices` (int64 [n]): float32 [n,C,H,W] in [-1,1]. Each depends on
/// its index alone. Calls `observer` equally often whatever the pictures are.
using PictureMaker =
    std::function<at::Tensor(const at::Tensor& indices, const SamplingObserver& observer)>;

/// The pictures 0 .. count - 1 that `make` makes, uint8 [count,H,W,C], the same on every rank and
/// for any number of ranks. Every rank makes its share, so every rank has to come here.
/// Throws StopRequested on all ranks, between two reverse steps, when one of them got a signal.
at::Tensor sample_on_all_ranks(const PictureMaker& make, Communicator& communicator,
                               const SamplingRequest& request);

}  // namespace gm
