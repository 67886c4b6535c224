/// Random augmentation of training images: enlarge, crop, mirror.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "image/image_shape.h"
#include "image/resize.h"

namespace gm {

struct AugmentationOptions {
  double resize_crop = 1.0;  ///< Enlarge by this factor (>= 1), then random crop; 1: off.
  bool flip = false;         ///< Mirror left and right with probability one half.
};

/// The training transform of the reference implementation: resize both sides to int(resize_crop *
/// side) with Pillow's bilinear filter (antialiased, two passes, 8 bits between them), random crop
/// to the original size, random mirror. The random numbers depend only on (seed, position). Not
/// thread-safe, because it holds scratch memory: use one object per thread.
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
