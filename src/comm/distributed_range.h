/// Work that is divided among all ranks.
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

/// Calls act(items, valid) for this rank's share of the items, batch by batch; `items` is int64
/// [n]. All shares have the same size, so all ranks call `act` equally often, with equally many
/// items, and can make collective calls in it. The first `valid` items belong to this rank. A share
/// that extends past the last item is filled up with the last item. Called by all ranks. Throws
/// StopRequested on all ranks, before a batch, if one of them received a signal.
void for_each_rank_batch(const DistributedRange& work, Communicator& communicator,
                         const std::function<void(const at::Tensor& items, int64_t valid)>& act);

}  // namespace gm
