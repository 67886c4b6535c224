/// Decodes JPEG and PNG files. The pixels equal those of Pillow's
/// `ImageOps.exif_transpose(Image.open(...))` in mode RGB.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "image/decoded_image.h"

namespace gm {

/// Increase it whenever the decoded pixels of any file change.
inline constexpr int kDecoderVersion = 2;

struct DecodeOptions {
  std::optional<uint8_t> background =
      {};             ///< Grey value behind transparent pixels; none: reject them.
  bool grey = false;  ///< One channel (ITU-R 601 luma) instead of RGB.
};

/// Decodes `bytes`, the content of a file called `name`, to uint8 RGB or grey. The format is
/// detected from the content, not from the name. A photo is rotated upright by its EXIF or XMP
/// orientation. Throws InputError that begins with `name` unless the file is an intact JPEG (grey,
/// YCbCr or RGB) or PNG (up to 8 bits per value, opaque unless there is a background) of at most
/// kMaxPixels. Waits for other threads if the image has more than kManyPixels (decoded_image.h).
DecodedImage decode_image(const std::string& name, std::string_view bytes,
                          const DecodeOptions& options = {});

}  // namespace gm
