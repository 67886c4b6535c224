/// The common size of all images of a dataset.
#pragma once

#include <cstdint>

namespace gm {

struct ImageShape {
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;  ///< 1 (grey) or 3 (RGB).

  /// Bytes of one image, [H,W,C] with one byte per value.
  constexpr int64_t bytes() const { return height * width * channels; }
  bool operator==(const ImageShape&) const = default;
};

}  // namespace gm
