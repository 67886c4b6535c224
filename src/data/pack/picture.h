/// A decoded picture on its way into an image file.
#pragma once

#include <cstdint>
#include <vector>

#include "data/image_shape.h"

namespace gm {

struct Picture {
  ImageShape shape;
  std::vector<uint8_t> pixels;  ///< [H,W,C]
};

}  // namespace gm
