/// Images and image files for tests.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "data/pack/hdf5_image_writer.h"
#include "image/image_shape.h"

namespace gm {

/// Pixels that identify image `index`: the index in the first three bytes, then a ramp.
inline std::vector<uint8_t> numbered_image(int64_t index, const ImageShape& shape) {
  std::vector<uint8_t> pixels(static_cast<size_t>(shape.bytes()));
  for (size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = static_cast<uint8_t>(i < 3 ? index >> (8 * i) : i + static_cast<size_t>(index));
  }
  return pixels;
}

/// The index that numbered_image() wrote into the first three bytes.
inline int64_t number_of(const uint8_t* pixels) {
  return pixels[0] | pixels[1] << 8 | pixels[2] << 16;
}

/// Writes numbered images first .. first + images - 1; image i has label i modulo the classes.
inline void write_numbered_file(const std::filesystem::path& path, const ImageShape& shape,
                                int64_t images, const std::vector<std::string>& classes = {},
                                int64_t first = 0, double holdout = 0) {
  Hdf5ImageWriter writer(path, shape, images, classes, holdout);
  for (int64_t i = first; i < first + images; ++i) {
    const int64_t label = classes.empty() ? 0 : i % static_cast<int64_t>(classes.size());
    writer.append(numbered_image(i, shape), label);
  }
  writer.close();
}

inline void write_bytes(const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace gm
