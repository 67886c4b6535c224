#include "data/masks.h"

#include <ATen/ops/zeros.h>

#include <memory>

#include "base/enum_names.h"
#include "base/error.h"
#include "data/mask_files.h"
#include "data/mask_shapes.h"

namespace gm {

MaskSource::MaskSource(const MaskConfig& config, int64_t height, int64_t width, uint64_t seed,
                       Stream stream)
    : height_(height), width_(width) {
  if (height < 2 || width < 2)
    throw InputError("images of {} x {} pixels are too small for masks", width, height);
  if (config.kind != MaskKind::kFiles && !config.path.empty()) {
    throw InputError(
        "mask.path is {}, but mask.kind is {}, which draws its masks; set mask.kind = \"files\", "
        "or remove mask.path",
        config.path, name_of(config.kind));
  }
  std::shared_ptr<const MaskShape> shape;
  if (config.kind == MaskKind::kFiles) {
    const auto files =
        std::make_shared<const MaskFiles>(mask_file_paths(config.path), height, width);
    content_hash_ = files->content_hash();
    shape = files;
  } else {
    shape = make_mask_shape(config, height, width);
  }
  draw_ = [shape, seed, stream](int64_t position, std::span<float> mask) {
    CounterRng random(seed, stream, static_cast<uint64_t>(position));
    shape->draw(random, mask);
  };
}

MaskSource::MaskSource(const std::vector<std::filesystem::path>& files, int64_t height,
                       int64_t width)
    : height_(height), width_(width) {
  const auto masks = std::make_shared<const MaskFiles>(files, height, width);
  content_hash_ = masks->content_hash();
  draw_ = [masks](int64_t position, std::span<float> mask) { masks->copy(position, mask); };
}

at::Tensor MaskSource::masks(const at::Tensor& positions) const {
  const at::Tensor dense = positions.contiguous();
  const int64_t count = dense.numel();
  at::Tensor masks = at::zeros({count, 1, height_, width_}, at::kFloat);
  const auto pixels = static_cast<size_t>(height_ * width_);
  const auto* position = dense.const_data_ptr<int64_t>();
  auto* mask = masks.data_ptr<float>();
  for (int64_t i = 0; i < count; ++i, mask += pixels) {
    draw_(position[i], {mask, pixels});
  }
  return masks;
}

}  // namespace gm
