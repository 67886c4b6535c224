#include "train/sampling.h"

#include <ATen/ops/cat.h>

#include <vector>

#include "comm/stop.h"
#include "data/image_grid.h"

namespace gm {

at::Tensor sample_on_all_ranks(const PictureMaker& make, Communicator& communicator,
                               const SharedWork& work) {
  // All ranks take as many reverse steps, so all come here together.
  const auto leave_if_asked = [&](int64_t, const at::Tensor&) { stop_together(communicator); };
  std::vector<at::Tensor> pixels;
  share_out(work, communicator, [&](const at::Tensor& indices, int64_t) {
    pixels.push_back(to_pixels(make(indices, leave_if_asked)));
  });
  const at::Tensor gathered = communicator.all_gather(at::cat(pixels));
  return gathered.flatten(0, 1).narrow(0, 0, work.count);
}

}  // namespace gm
