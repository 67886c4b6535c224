#include "comm/distributed_range.h"

#include <ATen/ops/arange.h>

#include <algorithm>

#include "comm/stop.h"

namespace gm {

void for_each_rank_batch(const DistributedRange& work, Communicator& communicator,
                         const std::function<void(const at::Tensor& items, int64_t valid)>& act) {
  const int64_t share = (work.count + communicator.size() - 1) / communicator.size();
  const int64_t first = communicator.rank() * share;
  for (int64_t done = 0; done < share; done += work.batch_size) {
    throw_if_any_rank_stopped(communicator);
    const int64_t begin = first + done;
    const int64_t end = first + std::min(share, done + work.batch_size);
    act(at::arange(begin, end, at::kLong).clamp_max(work.count - 1),
        std::clamp<int64_t>(work.count - begin, 0, end - begin));
  }
}

}  // namespace gm
