/// A decoded image on its way into an image file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/image_shape.h"

namespace gm {

/// An image may declare at most this many pixels: 800 MB once decoded. Phones make 200 million.
inline constexpr int64_t kMostPixels = int64_t{1} << 28;

/// Of images with more pixels than this only one is in memory at a time, however many threads
/// decode.
inline constexpr int64_t kManyPixels = int64_t{1} << 26;

struct DecodedImage {
  ImageShape shape;
  std::vector<uint8_t> pixels;            ///< [H,W,C]
  std::shared_ptr<void> large_turn = {};  ///< Held by the one image of more than kManyPixels.
};

/// The image of a file called `name` before it is decoded: its shape, no pixels yet. Waits where
/// another image of more than kManyPixels is in memory, so a thread must not hold two. Throws
/// InputError that begins with `name` for more than kMostPixels.
DecodedImage announce_image(const std::string& name, const ImageShape& shape);

/// Makes room for the pixels, all 0.
void allocate_pixels(DecodedImage& image);

}  // namespace gm
