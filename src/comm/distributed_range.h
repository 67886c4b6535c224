/// Work that all ranks divide among themselves.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "comm/communicator.h"

namespace gm {

struct DistributedRange {
  int64_t count = 64;       ///< Items 0 .. count - 1 of all ranks together; at least one.
  int64_t batch_size = 64;  ///< Items that a rank takes at a time.
};

/// Calls act(items, own) for this rank's share of the items, batch by batch: `items` int64 [n].
/// Shares are of one size, so that all ranks call it equally often and with equally many items, and
/// can meet in collective calls; the first `own` items are this rank's, and what a last rank has
/// beyond them is the last item again. Called by all ranks. Throws StopRequested on all of them,
/// before a batch, when one of them got a signal.
void for_each_rank_batch(const DistributedRange& work, Communicator& communicator,
                         const std::function<void(const at::Tensor& items, int64_t own)>& act);

}  // namespace gm
