#include "run/sample_grid.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "image/image_grid.h"

namespace gm {

int64_t largest_grid(const ImageShape& shape, int64_t squares) {
  constexpr int64_t kMaxImages = 4096, kMaxBytes = int64_t{1} << 30;
  const int64_t bytes =
      squares * shape.bytes() + bytes_in_grid(shape.height, squares * shape.width, shape.channels);
  return std::clamp<int64_t>(kMaxBytes / bytes, 1, kMaxImages);
}

void SampleGrid::take(const PixelBatch& batch) {
  const at::Tensor shown = (batch.indices < options_.count).nonzero().flatten();
  if (shown.numel() == 0) return;
  const at::Tensor indices = batch.indices.index_select(0, shown);
  const at::Tensor frames = options_.frame({indices, batch.pixels.index_select(0, shown)});
  if (!pixels_.defined()) {
    std::vector<int64_t> shape = frames.sizes().vec();
    shape.front() = options_.count;
    pixels_ = at::empty(shape, at::kByte);
  }
  pixels_.index_copy_(0, indices, frames);
}

void SampleGrid::finish() {
  write_image_grid(options_.path, {pixels_, options_.labels}, {.columns = options_.columns});
}

}  // namespace gm
