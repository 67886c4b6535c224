#include "train/sampling.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>

#include <algorithm>
#include <vector>

#include "comm/stop.h"
#include "data/image_grid.h"

namespace gm {

at::Tensor sample_on_all_ranks(const PictureMaker& make, Communicator& communicator,
                               const SamplingRequest& request) {
  // Equal shares, so that gathering is simple: the last ranks may make a few pictures that nobody
  // asked for.
  const int64_t share = (request.count + communicator.size() - 1) / communicator.size();
  const int64_t first = communicator.rank() * share;
  std::vector<at::Tensor> pixels;
  for (int64_t done = 0; done < share; done += request.batch_size) {
    const int64_t end = std::min(share, done + request.batch_size);
    const auto indices = at::arange(first + done, first + end, at::kLong);
    // Every rank makes as many batches and reverse steps, so all come here together.
    const auto leave_if_asked = [&](int64_t, const at::Tensor&) { stop_together(communicator); };
    pixels.push_back(to_pixels(make(indices, leave_if_asked)));
  }
  const at::Tensor gathered = communicator.all_gather(at::cat(pixels));
  return gathered.flatten(0, 1).narrow(0, 0, request.count);
}

}  // namespace gm
