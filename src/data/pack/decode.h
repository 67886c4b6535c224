/// JPEG and PNG files to pixels, as Pillow's `Image.open(...).convert("RGB")` gives them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "data/pack/picture.h"

namespace gm {

/// A picture may declare at most this many pixels: 200 MB once decoded.
inline constexpr int64_t kMostPixels = int64_t{1} << 26;

struct DecodeOptions {
  std::optional<uint8_t> background =
      {};             ///< Grey value behind transparent pixels; none: refuse them.
  bool grey = false;  ///< One channel (ITU-R 601 luma) instead of RGB.
};

/// Decodes `bytes`, the content of a file called `name`, to uint8 RGB or grey. What the content is
/// decides, not the name. A photograph is turned upright as its EXIF orientation says. Throws
/// InputError that begins with `name` for anything but an intact JPEG (grey, YCbCr or RGB) or PNG
/// (up to 8 bits a value, opaque unless there is a background) of at most kMostPixels.
Picture decode_picture(const std::string& name, std::string_view bytes,
                       const DecodeOptions& options = {});

}  // namespace gm
