#include "data/augmentation.h"

#include <algorithm>

#include "base/counter_rng.h"

namespace gm {
namespace {

void mirror(std::span<uint8_t> pixels, const ImageShape& shape) {
  for (int64_t y = 0; y < shape.height; ++y) {
    uint8_t* left = pixels.data() + y * shape.width * shape.channels;
    uint8_t* right = left + (shape.width - 1) * shape.channels;
    for (; left < right; left += shape.channels, right -= shape.channels)
      std::swap_ranges(left, left + shape.channels, right);
  }
}

int64_t enlarged(int64_t side, double factor) {
  return static_cast<int64_t>(static_cast<double>(side) * factor);
}

}  // namespace

Augmentation::Augmentation(const ImageShape& shape, const AugmentationOptions& options,
                           uint64_t seed)
    : shape_(shape),
      enlarged_height_(enlarged(shape.height, options.resize_crop)),
      enlarged_width_(enlarged(shape.width, options.resize_crop)),
      flip_(options.flip),
      seed_(seed) {
  if (enlarged_height_ != shape.height || enlarged_width_ != shape.width)
    enlarge_.emplace(shape, enlarged_height_, enlarged_width_, ResampleFilter::kBilinear);
}

void Augmentation::apply(std::span<uint8_t> pixels, uint64_t position) {
  CounterRng random(seed_, Stream::kAugmentation, position);
  if (enlarge_) {
    const auto top = random.below(static_cast<uint32_t>(enlarged_height_ - shape_.height + 1));
    const auto left = random.below(static_cast<uint32_t>(enlarged_width_ - shape_.width + 1));
    cut_.resize(pixels.size());
    enlarge_->resize(pixels, {top, left, shape_.height, shape_.width}, cut_);
    std::copy(cut_.begin(), cut_.end(), pixels.begin());
  }
  if (flip_ && random.below(2) == 1) mirror(pixels, shape_);
}

}  // namespace gm
