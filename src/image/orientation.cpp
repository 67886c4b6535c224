#include "image/orientation.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace gm {
namespace {

using std::string_view_literals::operator""sv;

/// Reads unsigned numbers from a byte string; nullopt past its end.
struct Numbers {
  std::string_view bytes;
  bool big_endian;

  std::optional<uint64_t> at(size_t offset, size_t size) const {
    if (offset > bytes.size() || size > bytes.size() - offset) return std::nullopt;
    uint64_t value = 0;
    for (size_t i = 0; i < size; ++i) {
      const size_t k = big_endian ? i : size - 1 - i;
      value = (value << 8) | static_cast<uint8_t>(bytes[offset + k]);
    }
    return value;
  }
};

/// A TIFF data type: the size of one value, and whether it is an integer type.
struct TiffType {
  size_t bytes;
  bool is_whole_number;
};

/// nullopt for an unknown type; such an entry is ignored.
std::optional<TiffType> tiff_type(uint64_t number) {
  switch (number) {
    case 1:  // BYTE, ASCII and UNDEFINED are strings of bytes
    case 2:
    case 7:
      return TiffType{1, false};
    case 3:  // SHORT, signed SHORT
    case 8:
      return TiffType{2, true};
    case 4:  // LONG, signed LONG, IFD
    case 9:
    case 13:
      return TiffType{4, true};
    case 5:  // RATIONAL, signed RATIONAL, DOUBLE
    case 10:
    case 12:
      return TiffType{8, false};
    case 6:  // signed BYTE
      return TiffType{1, true};
    case 11:  // FLOAT
      return TiffType{4, false};
    case 16:  // LONG8
      return TiffType{8, true};
    default:
      return std::nullopt;
  }
}

std::string_view without_prefix(std::string_view exif) {
  constexpr auto kPrefix = "Exif\0\0"sv;
  for (int i = 0; i < 2 && exif.starts_with(kPrefix); ++i) exif.remove_prefix(kPrefix.size());
  return exif;
}

bool is_tiff(std::string_view bytes) {
  return bytes.starts_with("II*\0"sv) || bytes.starts_with("MM\0*"sv) ||
         bytes.starts_with("II\0*"sv) || bytes.starts_with("MM*\0"sv);
}

/// The value of the orientation tag in the first directory of a TIFF header; nothing when it has no
/// such tag.
std::optional<uint64_t> tiff_orientation(std::string_view tiff) {
  constexpr uint64_t kOrientationTag = 0x0112;
  constexpr size_t kEntryBytes = 12, kValueBytes = 4;
  if (!is_tiff(tiff)) return std::nullopt;
  const Numbers numbers{tiff, tiff.starts_with("MM")};
  const size_t directory = numbers.at(4, 4).value_or(tiff.size());
  const uint64_t entries = numbers.at(directory, 2).value_or(0);
  for (uint64_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + i * kEntryBytes;
    const auto tag = numbers.at(entry, 2);
    if (!tag) break;
    if (tag != kOrientationTag) continue;
    const auto type = tiff_type(numbers.at(entry + 2, 2).value_or(0));
    const uint64_t count = numbers.at(entry + 4, 4).value_or(0);
    if (!type || count == 0) continue;
    const bool is_inside = type->bytes * count <= kValueBytes;
    const auto place = is_inside ? entry + 8 : numbers.at(entry + 8, 4);
    const auto value = numbers.at(place.value_or(tiff.size()), type->bytes);
    if (value) return type->is_whole_number ? *value : 0;
  }
  return std::nullopt;
}

/// The first `tiff:Orientation="6"` or `<tiff:Orientation>6`.
std::optional<uint64_t> xmp_orientation(std::string_view xmp) {
  constexpr auto kName = "tiff:Orientation"sv;
  for (size_t at = xmp.find(kName); at != xmp.npos; at = xmp.find(kName, at)) {
    at += kName.size();
    const std::string_view rest = xmp.substr(at);
    for (const auto equals : {"=\""sv, ">"sv}) {
      if (!rest.starts_with(equals) || rest.size() == equals.size()) continue;
      const char digit = rest[equals.size()];
      if (digit >= '0' && digit <= '9') return static_cast<uint64_t>(digit - '0');
    }
  }
  return std::nullopt;
}

}  // namespace

int orientation(const PhotoMetadata& metadata) {
  auto found = tiff_orientation(without_prefix(metadata.exif));
  if (!found) found = xmp_orientation(metadata.xmp);
  return found && *found >= 1 && *found <= 8 ? static_cast<int>(*found) : 1;
}

ImageRotator::ImageRotator(const ImageShape& stored, int orientation)
    : stored_(stored), upright_(stored) {
  const bool swaps_axes = orientation >= 5;
  const bool flips_rows =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool flips_columns =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  if (swaps_axes) std::swap(upright_.height, upright_.width);
  row_step_ = swaps_axes ? 1 : upright_.width;
  column_step_ = swaps_axes ? upright_.width : 1;
  origin_ = 0;
  if (flips_rows) {
    origin_ += (stored.height - 1) * row_step_;
    row_step_ = -row_step_;
  }
  if (flips_columns) {
    origin_ += (stored.width - 1) * column_step_;
    column_step_ = -column_step_;
  }
}

bool ImageRotator::is_identity() const {
  return upright_ == stored_ && origin_ == 0 && column_step_ == 1;
}

void ImageRotator::place(const uint8_t* rows, int64_t first, int64_t count,
                         uint8_t* upright_pixels) const {
  // In square tiles for cache locality: if the axes are swapped, neighbouring pixels of one of the
  // images are far apart.
  constexpr int64_t kSide = 32;
  const int64_t stride = stored_.width * kChannels, to_next_column = column_step_ * kChannels;
  for (int64_t top = 0; top < count; top += kSide) {
    for (int64_t left = 0; left < stored_.width; left += kSide) {
      const int64_t bottom = std::min(top + kSide, count);
      const int64_t width = std::min(kSide, stored_.width - left);
      for (int64_t y = top; y < bottom; ++y) {
        const uint8_t* from = rows + y * stride + left * kChannels;
        const int64_t place = origin_ + (first + y) * row_step_ + left * column_step_;
        uint8_t* to = upright_pixels + place * kChannels;
        for (int64_t i = 0; i < width; ++i, from += kChannels, to += to_next_column)
          std::copy_n(from, kChannels, to);
      }
    }
  }
}

DecodedImage upright(DecodedImage image, int orientation) {
  const ImageRotator turner(image.shape, orientation);
  if (turner.is_identity()) return image;
  DecodedImage turned{turner.upright_shape(), {}, image.large_turn};
  allocate_pixels(turned);
  turner.place(image.pixels.data(), 0, image.shape.height, turned.pixels.data());
  return turned;
}

}  // namespace gm
