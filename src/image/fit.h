/// Fits an image of any size into a square.
#pragma once

#include <cstdint>

#include "image/decoded_image.h"
#include "image/fit_kind.h"

namespace gm {

/// Resizes with the bicubic filter of resize.h. An image that already has the size is unchanged.
DecodedImage fit_image(DecodedImage image, int64_t size, Fit fit);

}  // namespace gm
