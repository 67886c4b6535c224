/// How an image of any size becomes a square of the wanted one.
#pragma once

#include <cstdint>
#include <string>

#include "data/pack/decoded_image.h"

namespace gm {

enum class Fit {
  kCrop,    ///< The largest square in the middle, resized.
  kPad,     ///< Made smaller until it fits, never larger, with black around it.
  kSquash,  ///< Resized, proportions lost.
};

/// `crop`, `pad` or `squash`. Throws InputError for anything else.
Fit parse_fit(const std::string& name);

/// Resizes with the bicubic filter of resample.h. An image that has the size already is unchanged.
DecodedImage fit_image(DecodedImage image, int64_t size, Fit fit);

}  // namespace gm
