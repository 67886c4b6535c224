/// Files in the IDX format.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "support/images.h"

namespace gm {

/// The header of an array of bytes with these dimensions.
inline std::string idx_header(const std::vector<uint32_t>& extent) {
  std::string header{'\0', '\0', '\x08', static_cast<char>(extent.size())};
  for (const uint32_t n : extent) {
    for (int shift = 24; shift >= 0; shift -= 8) header.push_back(static_cast<char>(n >> shift));
  }
  return header;
}

/// An IDX file with the numbered images 0 .. images - 1.
inline std::string idx_images(uint32_t images, uint32_t height, uint32_t width) {
  std::string file = idx_header({images, height, width});
  for (uint32_t i = 0; i < images; ++i) {
    const auto pixels = numbered_image(i, {height, width, 1});
    file.append(pixels.begin(), pixels.end());
  }
  return file;
}

inline std::string idx_labels(const std::vector<uint8_t>& labels) {
  return idx_header({static_cast<uint32_t>(labels.size())}) +
         std::string(labels.begin(), labels.end());
}

inline void write_gzip(const std::filesystem::path& path, const std::string& content) {
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
  gzclose(file);
}

}  // namespace gm
