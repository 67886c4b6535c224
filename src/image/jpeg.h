/// Decodes JPEG files with libjpeg.
#pragma once

#include <string>
#include <string_view>

#include "image/decoded_image.h"

namespace gm {

/// Returns RGB pixels, rotated upright by the EXIF or XMP orientation of the file. A file with all
/// its pixels is accepted even if libjpeg warns. Throws InputError that begins with `name`, before
/// memory for the pixels is allocated, when pixels are missing or the compressed data are damaged
/// (jpeg_scan.h).
DecodedImage decode_jpeg(const std::string& name, std::string_view bytes);

}  // namespace gm
