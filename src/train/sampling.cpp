#include "train/sampling.h"

#include <ATen/ops/cat.h>

#include <vector>

#include "comm/stop.h"
#include "image/image_grid.h"

namespace gm {

at::Tensor sample_on_all_ranks(const ImageMaker& make, Communicator& communicator,
                               const DistributedRange& work) {
  // All ranks take the same number of reverse steps, so all call this together.
  const auto throw_if_stop_requested = [&](int64_t, const at::Tensor&) {
    throw_if_any_rank_stopped(communicator);
  };
  std::vector<at::Tensor> pixels;
  for_each_rank_batch(work, communicator, [&](const at::Tensor& indices, int64_t) {
    pixels.push_back(to_pixels(make(indices, throw_if_stop_requested)));
  });
  const at::Tensor gathered = communicator.all_gather(at::cat(pixels));
  return gathered.flatten(0, 1).narrow(0, 0, work.count);
}

}  // namespace gm
