/// Samples made by all ranks together.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "comm/distributed_range.h"
#include "tasks/task.h"

namespace gm {

/// Makes the images number `indices` (int64 [n], each below the count that is asked for): float32
/// [n,C,H,W] in [-1,1]. Each depends on its index alone. Calls `observer` equally often whatever
/// the images are.
using ImageMaker =
    std::function<at::Tensor(const at::Tensor& indices, const SamplingObserver& observer)>;

/// The images number 0 .. work.count - 1, made by `make`: uint8 [count,H,W,C], the same on every
/// rank and for any number of ranks. Every rank makes its share, so every rank has to come here.
/// Throws StopRequested on all ranks, between two batches or reverse steps, when one of them got a
/// signal.
at::Tensor sample_on_all_ranks(const ImageMaker& make, Communicator& communicator,
                               const DistributedRange& work);

}  // namespace gm
