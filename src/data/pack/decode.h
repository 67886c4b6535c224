/// JPEG and PNG files to pixels, as Pillow's `ImageOps.exif_transpose(Image.open(...))` gives them
/// in mode RGB.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "data/pack/decoded_image.h"

namespace gm {

/// Grows whenever some file comes out with other pixels than before.
inline constexpr int kDecoderVersion = 2;

struct DecodeOptions {
  std::optional<uint8_t> background =
      {};             ///< Grey value behind transparent pixels; none: refuse them.
  bool grey = false;  ///< One channel (ITU-R 601 luma) instead of RGB.
};

/// Decodes `bytes`, the content of a file called `name`, to uint8 RGB or grey. What the content is
/// decides, not the name. A photo is turned upright as its EXIF or XMP orientation says. Throws
/// InputError that begins with `name` for anything but an intact JPEG (grey, YCbCr or RGB) or PNG
/// (up to 8 bits a value, opaque unless there is a background) of at most kMostPixels. Waits for
/// other threads where the image has more than kManyPixels (image.h).
DecodedImage decode_image(const std::string& name, std::string_view bytes,
                          const DecodeOptions& options = {});

}  // namespace gm
