#include "data/hdf5_image_format.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"

namespace gm::hdf5_image_format {

bool is_possible(const ImageShape& shape) {
  return std::min(shape.height, shape.width) >= 1 &&
         std::max(shape.height, shape.width) <= kLargestSide &&
         (shape.channels == 1 || shape.channels == 3);
}

int64_t block_images(const ImageShape& shape) {
  constexpr int64_t kBlockBytes = 4 << 20;
  return std::max<int64_t>(1, kBlockBytes / shape.bytes());
}

std::string hash_block(std::span<const uint8_t> pixels, std::span<const int64_t> labels) {
  return Hash().add(std::as_bytes(pixels)).add(std::as_bytes(labels)).hex();
}

std::string hash_content(const ImageShape& shape, int64_t images,
                         const std::vector<std::string>& classes,
                         const std::vector<std::string>& block_hashes, double holdout) {
  Hash hash;
  hash.add(fmt::format("{} {} {} {}\n", images, shape.height, shape.width, shape.channels));
  // Each name is preceded by its length, so that different lists of names give different text.
  for (const auto& name : classes) hash.add(fmt::format("{} {}\n", name.size(), name));
  for (const auto& block : block_hashes) hash.add(block);
  if (holdout > 0) hash.add(fmt::format("holdout {}\n", holdout));
  return hash.hex();
}

uint64_t hash_image(std::span<const uint8_t> pixels) { return hash64(std::as_bytes(pixels)); }

bool is_held_out(std::span<const uint8_t> pixels, double holdout) {
  return static_cast<double>(hash_image(pixels) >> 11) * 0x1p-53 < holdout;
}

}  // namespace gm::hdf5_image_format
