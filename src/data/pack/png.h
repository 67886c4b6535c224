/// PNG files to pixels, by libpng.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "data/pack/decoded_image.h"

namespace gm {

/// RGB, upright by the file's EXIF or XMP orientation. Chunks about colour (gAMA, cHRM, sRGB, iCCP,
/// ...) leave the pixels as they are stored. Transparent pixels are laid over the grey value
/// `background`, or refused. Throws InputError that begins with `name` for a file that is not
/// intact, has 16 bits a value, or has transparent pixels and no background.
DecodedImage decode_png(const std::string& name, std::string_view bytes,
                        const std::optional<uint8_t>& background);

}  // namespace gm
