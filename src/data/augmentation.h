/// What changes an image by chance before it is trained on: enlarge, cut a piece, mirror.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "data/image_shape.h"
#include "data/resize.h"

namespace gm {

struct AugmentationOptions {
  double resize_crop = 1.0;  ///< Enlarge by this factor (>= 1) and cut at random; 1: off.
  bool flip = false;         ///< Mirror left and right with probability one half.
};

/// The reference's training transform: resize both sides to int(resize_crop * side), bilinear as
/// Pillow's (antialiased, two passes, 8-bit between them), random crop to the first size, random
/// mirror. What is drawn depends on (seed, position) alone. Holds scratch memory: one for each
/// thread.
class Augmentation {
 public:
  Augmentation(const ImageShape& shape, const AugmentationOptions& options, uint64_t seed);

  /// Replaces `pixels`, one image [H,W,C], by its augmented version for global sample `position`.
  void apply(std::span<uint8_t> pixels, uint64_t position);

 private:
  ImageShape shape_;
  int64_t enlarged_height_, enlarged_width_;
  bool flip_;
  uint64_t seed_;
  std::optional<Resampler> enlarge_;
  std::vector<uint8_t> cut_;
};

}  // namespace gm
