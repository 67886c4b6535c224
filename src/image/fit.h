/// Fits an image of any size into a square.
#pragma once

#include <cstdint>
#include <string>

#include "image/decoded_image.h"

namespace gm {

enum class Fit {
  kCrop,    ///< The largest centred square, resized.
  kPad,     ///< Shrunk to fit, never enlarged, with a black border.
  kSquash,  ///< Resized without keeping the aspect ratio.
};

/// `crop`, `pad` or `squash`. Throws InputError for anything else.
Fit parse_fit(const std::string& name);

/// Resizes with the bicubic filter of resize.h. An image that already has the size is unchanged.
DecodedImage fit_image(DecodedImage image, int64_t size, Fit fit);

}  // namespace gm
