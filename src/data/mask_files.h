/// Masks that a user has drawn: PNG files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/mask_shapes.h"

namespace gm {

/// Whether the name ends in `.png`.
bool is_mask_file_name(const std::filesystem::path& path);

/// `path` if it is a file, or the masks of a folder: `*.png`, not hidden, in the order of their
/// names; how many other files are left out is logged. Throws InputError when there are none.
std::vector<std::filesystem::path> mask_file_paths(const std::filesystem::path& path);

/// Takes one of the masks by chance, or that of a number. All of them are in memory, a bit a pixel.
class MaskFiles : public MaskShape {
 public:
  /// `files` are at least one PNG file. A pixel is missing where it is white, 255 or 1, and known
  /// where it is black, 0. Throws InputError that begins with the file, when
  /// they are too many for memory, or one has another size, another value, or nothing missing or
  /// nothing known.
  MaskFiles(const std::vector<std::filesystem::path>& files, int64_t height, int64_t width);

  void draw(CounterRng& random, std::span<float> mask) const override;
  /// Copies mask `number` to `mask`, H*W values.
  void copy(int64_t number, std::span<float> mask) const;

  /// Hash of all masks in their order.
  std::string content_hash() const;

 private:
  void read(const std::filesystem::path& file);

  int64_t height_, width_;
  int64_t count_ = 0;
  std::vector<bool> missing_;  // [count, H, W]
};

}  // namespace gm
