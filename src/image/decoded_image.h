/// A decoded image.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "image/image_shape.h"

namespace gm {

/// Maximum number of pixels of an image: 800 MB when decoded. Phones take photos of up to 200
/// million pixels.
inline constexpr int64_t kMaxPixels = int64_t{1} << 28;

/// Only one image with more pixels than this is in memory at a time, for any number of threads.
inline constexpr int64_t kManyPixels = int64_t{1} << 26;

struct DecodedImage {
  ImageShape shape;
  std::vector<uint8_t> pixels;            ///< [H,W,C]
  std::shared_ptr<void> large_turn = {};  ///< Held by the one image of more than kManyPixels.
};

/// An image of this shape, without pixels yet, for a file called `name`. If the image has more than
/// kManyPixels, waits until no other such image is in memory, so a thread must not hold two. Throws
/// InputError that begins with `name` for more than kMaxPixels.
DecodedImage reserve_image(const std::string& name, const ImageShape& shape);

/// Allocates the pixels, all 0.
void allocate_pixels(DecodedImage& image);

}  // namespace gm
