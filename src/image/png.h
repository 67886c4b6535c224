/// Decodes PNG files with libpng.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "image/decoded_image.h"

namespace gm {

/// Returns RGB pixels, rotated upright by the EXIF or XMP orientation of the file. Colour chunks
/// (gAMA, cHRM, sRGB, iCCP, ...) are ignored. Transparent pixels are blended with the grey value
/// `background`. Throws InputError that begins with `name` for a file that is not intact, has 16
/// bits per value, or has transparent pixels and no background.
DecodedImage decode_png(const std::string& name, std::string_view bytes,
                        const std::optional<uint8_t>& background);

}  // namespace gm
