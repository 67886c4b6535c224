/// The orientation of a photo, and rotation to upright.
#pragma once

#include <cstdint>
#include <string>

#include "image/decoded_image.h"

namespace gm {

/// The metadata of an image file.
struct PhotoMetadata {
  /// A TIFF header and its directories, optionally after one or two "Exif\0\0".
  std::string exif = {};
  /// XML of Adobe's Extensible Metadata Platform.
  std::string xmp = {};
};

/// The orientation from the EXIF data or, if they have none, from the XMP data: 1 to 8; 1 (upright)
/// if neither is valid. Same rules as `ImageOps.exif_transpose` of Pillow 13.
int orientation(const PhotoMetadata& metadata);

/// Copies rows of a stored RGB image to their place in the upright image.
class ImageRotator {
 public:
  ImageRotator(const ImageShape& stored, int orientation);

  const ImageShape& upright_shape() const { return upright_; }
  /// Whether the stored image is already upright.
  bool is_identity() const;
  /// Copies `count` stored rows, starting with row `first` of the image, to `upright_pixels`
  /// [H,W,C] of upright_shape().
  void place(const uint8_t* rows, int64_t first, int64_t count, uint8_t* upright_pixels) const;

 private:
  static constexpr int64_t kChannels = 3;

  ImageShape stored_, upright_;
  int64_t origin_, row_step_, column_step_;  // in upright pixels
};

/// The RGB image, rotated upright from the given orientation.
DecodedImage upright(DecodedImage image, int orientation);

}  // namespace gm
