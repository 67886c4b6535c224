/// Masks from PNG files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/mask_shapes.h"

namespace gm {

/// Whether the name ends in `.png`.
bool is_mask_file_name(const std::filesystem::path& path);

/// `path` if it is a file; for a folder, its masks: `*.png`, not hidden, sorted by name. Logs the
/// number of other files. Throws InputError when there are no masks.
std::vector<std::filesystem::path> mask_file_paths(const std::filesystem::path& path);

/// Chooses masks at random or by number. All masks are in memory, one bit per pixel.
class MaskFiles : public MaskShape {
 public:
  /// `files` are at least one PNG file. A pixel is missing where it is white, 255 or 1, and known
  /// where it is black, 0. Throws InputError that begins with the file when there are too many
  /// masks for memory, or when a mask has another size, another value, no missing pixel or no known
  /// pixel.
  MaskFiles(const std::vector<std::filesystem::path>& files, int64_t height, int64_t width);

  void draw(CounterRng& random, std::span<float> mask) const override;
  /// Copies mask `number` to `mask`, H*W values.
  void copy(int64_t number, std::span<float> mask) const;

  /// Hash of all masks, in order.
  std::string content_hash() const;

 private:
  void read(const std::filesystem::path& file);

  int64_t height_, width_;
  int64_t count_ = 0;
  std::vector<bool> missing_;  // [count, H, W]
};

}  // namespace gm
