/// Sampling on all ranks, batch by batch.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "comm/distributed_range.h"
#include "tasks/sampling_observer.h"

namespace gm {

/// Makes the images with the numbers `indices` (int64 [n], each less than the requested count):
/// float32 [n,C,H,W] in [-1,1], on any device. Each image depends only on its index. The number of
/// calls of `observer` does not depend on the images.
using ImageMaker =
    std::function<at::Tensor(const at::Tensor& indices, const SamplingObserver& observer)>;

/// Samples that this rank made.
struct SampleBatch {
  at::Tensor indices;  ///< int64 [n] on the CPU; n may be 0.
  at::Tensor images;   ///< float32 [n,C,H,W] in [-1,1], on the device of the ImageMaker.
};

/// Samples of any rank, for files.
struct PixelBatch {
  at::Tensor indices;  ///< int64 [n] on the CPU, n > 0.
  at::Tensor pixels;   ///< uint8 [n,H,W,C] on the CPU.
};

/// Makes the images 0 .. work.count - 1 with `make`, and passes each of them once to `consume`, on
/// the rank that made it. A rank holds one batch at a time. All ranks call `consume` equally often,
/// also with empty batches, so it can make collective calls. Called by all ranks; each makes its
/// share. Throws StopRequested on all ranks, between two batches or reverse steps, when one of them
/// got a signal.
void sample_on_all_ranks(const ImageMaker& make, Communicator& communicator,
                         const DistributedRange& work,
                         const std::function<void(const SampleBatch& batch)>& consume);

/// What rank 0 does with samples, such as writing them to files.
class SampleReceiver {
 public:
  virtual ~SampleReceiver() = default;
  /// Whether sample `index` must be made. Called once for each index, in ascending order.
  virtual bool needs(int64_t index) = 0;
  /// Takes samples, in ascending order of their indices.
  virtual void take(const PixelBatch& batch) = 0;
};

/// Makes those of the images 0 .. work.count - 1 that the receiver of rank 0 needs, and passes them
/// to it: other nodes may not see the folder that it writes to. Each rank holds the pixels of one
/// batch of every rank. `receiver` is ignored on the other ranks, where it may be null.
/// Called by all ranks. Throws as sample_on_all_ranks(); when the receiver throws, all ranks throw.
void stream_samples(const ImageMaker& make, Communicator& communicator,
                    const DistributedRange& work, SampleReceiver* receiver);

/// All images 0 .. work.count - 1, made by all ranks: uint8 [count,H,W,C] on rank 0, the same for
/// any number of ranks; undefined on the other ranks. Called by all ranks. Throws as
/// sample_on_all_ranks().
at::Tensor gather_samples(const ImageMaker& make, Communicator& communicator,
                          const DistributedRange& work);

}  // namespace gm
