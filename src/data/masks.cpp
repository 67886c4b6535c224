#include "data/masks.h"

#include <ATen/ops/zeros.h>

#include "base/error.h"
#include "data/mask_files.h"

namespace gm {

MaskSource::MaskSource(const MaskConfig& config, int64_t height, int64_t width, uint64_t seed)
    : height_(height), width_(width), seed_(seed) {
  if (height < 2 || width < 2)
    throw InputError("pictures of {} x {} pixels are too small for masks", width, height);
  if (config.kind == "files") {
    auto files = std::make_unique<MaskFiles>(config.path, height, width);
    content_hash_ = files->content_hash();
    shape_ = std::move(files);
    return;
  }
  if (!config.path.empty()) {
    throw InputError(
        "mask.path is {}, but mask.kind is {}, which draws its masks; set mask.kind = \"files\", "
        "or no path",
        config.path, config.kind);
  }
  shape_ = make_mask_shape(config, height, width);
}

at::Tensor MaskSource::masks(const at::Tensor& positions) const {
  const at::Tensor dense = positions.contiguous();
  const int64_t count = dense.numel();
  at::Tensor masks = at::zeros({count, 1, height_, width_}, at::kFloat);
  const auto pixels = static_cast<size_t>(height_ * width_);
  const auto* position = dense.const_data_ptr<int64_t>();
  auto* mask = masks.data_ptr<float>();
  for (int64_t i = 0; i < count; ++i, mask += pixels) {
    KeyedRandom random(seed_, Stream::kMask, static_cast<uint64_t>(position[i]));
    shape_->draw(random, {mask, pixels});
  }
  return masks;
}

}  // namespace gm
