#include "data/pack/exif.h"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace gm {
namespace {

/// Unsigned numbers of a byte string in one byte order; 0 past the end, which no tag accepts.
struct Numbers {
  std::string_view bytes;
  bool big_endian;

  uint32_t at(size_t offset, size_t size) const {
    if (offset > bytes.size() || size > bytes.size() - offset) return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) {
      const size_t k = big_endian ? i : size - 1 - i;
      value = (value << 8) | static_cast<uint8_t>(bytes[offset + k]);
    }
    return value;
  }
};

/// Looks the orientation up in the first directory of a TIFF header.
int tiff_orientation(std::string_view tiff) {
  constexpr uint32_t kOrientationTag = 0x0112, kShort = 3;
  constexpr size_t kEntryBytes = 12;
  const Numbers numbers{tiff, tiff.starts_with("MM")};
  const size_t directory = numbers.at(4, 4);
  const uint32_t entries = numbers.at(directory, 2);
  for (uint32_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + i * kEntryBytes;
    if (numbers.at(entry, 2) != kOrientationTag || numbers.at(entry + 2, 2) != kShort) continue;
    const uint32_t orientation = numbers.at(entry + 8, 2);
    return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
  }
  return 1;
}

}  // namespace

int exif_orientation(std::string_view jpeg) {
  using std::string_view_literals::operator""sv;
  constexpr auto kExif = "Exif\0\0"sv;
  constexpr uint32_t kApp1 = 0xFFE1, kStartOfScan = 0xFFDA;
  const Numbers numbers{jpeg, true};
  for (size_t at = 2; at + 4 <= jpeg.size();) {
    const uint32_t marker = numbers.at(at, 2), length = numbers.at(at + 2, 2);
    if (marker < 0xFF01 || marker == kStartOfScan || length < 2) break;
    const auto content = jpeg.substr(at + 4, length - 2);
    if (marker == kApp1 && content.starts_with(kExif))
      return tiff_orientation(content.substr(kExif.size()));
    at += 2 + length;
  }
  return 1;
}

Picture upright(Picture picture, int orientation) {
  if (orientation <= 1 || orientation > 8) return picture;
  const auto [height, width, channels] = picture.shape;
  const bool swaps_axes = orientation >= 5;
  const bool flips_rows =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool flips_columns =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  Picture turned{swaps_axes ? ImageShape{width, height, channels} : picture.shape, {}};
  turned.pixels.resize(picture.pixels.size());
  uint8_t* out = turned.pixels.data();
  for (int64_t y = 0; y < turned.shape.height; ++y) {
    for (int64_t x = 0; x < turned.shape.width; ++x, out += channels) {
      int64_t row = swaps_axes ? x : y, column = swaps_axes ? y : x;
      if (flips_rows) row = height - 1 - row;
      if (flips_columns) column = width - 1 - column;
      std::copy_n(&picture.pixels[static_cast<size_t>((row * width + column) * channels)], channels,
                  out);
    }
  }
  return turned;
}

}  // namespace gm
