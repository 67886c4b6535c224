/// Which way up a photograph is.
#pragma once

#include <string_view>

#include "data/pack/picture.h"

namespace gm {

/// The orientation that a JPEG file's EXIF block declares, 1 to 8; 1 (upright) when there is none
/// or it cannot be understood.
int exif_orientation(std::string_view jpeg);

/// The picture as it is meant to be seen, given its EXIF orientation.
Picture upright(Picture picture, int orientation);

}  // namespace gm
