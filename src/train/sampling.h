/// Sampling on all ranks.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "comm/distributed_range.h"
#include "tasks/sampling_observer.h"

namespace gm {

/// Makes the images with the numbers `indices` (int64 [n], each less than the requested count):
/// float32 [n,C,H,W] in [-1,1]. Each image depends only on its index. The number of calls of
/// `observer` does not depend on the images.
using ImageMaker =
    std::function<at::Tensor(const at::Tensor& indices, const SamplingObserver& observer)>;

/// The images 0 .. work.count - 1, made by `make`: uint8 [count,H,W,C], the same on every rank and
/// for any number of ranks. Called by all ranks; each makes its share. Throws StopRequested on all
/// ranks, between two batches or reverse steps, when one of them got a signal.
at::Tensor sample_on_all_ranks(const ImageMaker& make, Communicator& communicator,
                               const DistributedRange& work);

}  // namespace gm
