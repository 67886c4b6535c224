/// JPEG files to pixels, by libjpeg.
#pragma once

#include <string>
#include <string_view>

#include "data/pack/decoded_image.h"

namespace gm {

/// RGB, upright by the file's EXIF or XMP orientation. What libjpeg warns of is no reason to refuse
/// a file whose pixels are all there; a file that lacks some, or whose compressed data are damaged
/// (jpeg_scan.h), is refused, before memory for its pixels is taken. Throws InputError that begins
/// with `name`.
DecodedImage decode_jpeg(const std::string& name, std::string_view bytes);

}  // namespace gm
