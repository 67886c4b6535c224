/// Masks that a user has drawn: PNG files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/mask_shapes.h"

namespace gm {

/// Takes one of the masks by chance. All of them are in memory, a bit a pixel.
class MaskFiles : public MaskShape {
 public:
  /// `path` is a PNG file or a folder of them (`*.png`, not hidden, in the order of their names). A
  /// pixel is missing where it is white, 255 or 1, and known where it is black, 0. Throws
  /// InputError that begins with mask.path and names the file, when there are none or too many for
  /// memory, or one has another size, another value, or nothing missing or nothing known.
  MaskFiles(const std::filesystem::path& path, int64_t height, int64_t width);

  void draw(KeyedRandom& random, std::span<float> mask) const override;

  /// Hash of all masks in their order.
  std::string content_hash() const;

 private:
  void read(const std::filesystem::path& file);

  int64_t height_, width_;
  int64_t count_ = 0;
  std::vector<bool> missing_;  // [count, H, W]
};

}  // namespace gm
