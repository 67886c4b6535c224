/// Which way up a photo is, and turning it.
#pragma once

#include <cstdint>
#include <string>

#include "data/pack/decoded_image.h"

namespace gm {

/// What a file says of its image besides the pixels.
struct PhotoMetadata {
  /// A TIFF header and its directories; "Exif\0\0" may stand before it, once or twice.
  std::string exif = {};
  /// XML of Adobe's Extensible Metadata Platform.
  std::string xmp = {};
};

/// The orientation that the EXIF data declare or, where they declare none, the XMP data: 1 to 8; 1
/// (upright) when neither can be understood. As Pillow 13's `ImageOps.exif_transpose` has it.
int orientation(const PhotoMetadata& metadata);

/// Places rows of an RGB image as it is stored into the image as it is meant to be seen.
class Turner {
 public:
  Turner(const ImageShape& stored, int orientation);

  const ImageShape& upright_shape() const { return upright_; }
  /// Whether the image is stored as it is meant to be seen.
  bool is_identity() const;
  /// Copies `count` stored rows, of which the first is row `first` of the image, into
  /// `upright_pixels` [H,W,C] of upright_shape().
  void place(const uint8_t* rows, int64_t first, int64_t count, uint8_t* upright_pixels) const;

 private:
  static constexpr int64_t kChannels = 3;

  ImageShape stored_, upright_;
  int64_t origin_, row_step_, column_step_;  // in upright pixels
};

/// An RGB image as it is meant to be seen, given its orientation.
DecodedImage upright(DecodedImage image, int orientation);

}  // namespace gm
