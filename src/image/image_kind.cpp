#include "image/image_kind.h"

#include <cstddef>

namespace gm {
namespace {

using std::string_view_literals::operator""sv;

struct Kind {
  size_t offset;
  std::string_view mark;
  std::string_view name;
};

/// The first match is used.
constexpr Kind kKinds[] = {
    {8, "WEBP"sv, "a WebP image"},
    {0, "GIF8"sv, "a GIF image"},
    {4, "ftypavi"sv, "an AVIF image"},
    {4, "ftyphe"sv, "a HEIC image"},
    {4, "ftypmif1"sv, "a HEIF image"},
    {4, "ftypmsf1"sv, "a HEIF image"},
    {4, "ftypcrx"sv, "a raw photo of a Canon camera"},
    {4, "ftyp"sv, "a video"},
    {0, "II*\0"sv, "a TIFF image or a raw photo"},
    {0, "MM\0*"sv, "a TIFF image or a raw photo"},
    {0, "II+\0"sv, "a TIFF image"},
    {0, "MM\0+"sv, "a TIFF image"},
    {0, "\0\0\0\x0CjP  "sv, "a JPEG 2000 image"},
    {0, "\xFF\x4F\xFF\x51"sv, "a JPEG 2000 image"},
    {0, "\0\0\0\x0CJXL "sv, "a JPEG XL image"},
    {0, "\xFF\x0A"sv, "a JPEG XL image"},
    {0, "8BPS"sv, "a Photoshop image"},
    {0, "\0\0\1\0"sv, "an icon"},
    {0, "%PDF"sv, "a PDF document"},
    {0, "<svg"sv, "an SVG drawing"},
    {0, "<!DOCTYPE"sv, "a web page"},
    {0, "<!doctype"sv, "a web page"},
    {0, "<html"sv, "a web page"},
    {0, "<?xml"sv, "an XML document"},
    {0, "version https://git-lfs"sv, "a pointer of Git LFS, whose image was not fetched"},
    {0, "PK\3\4"sv, "a ZIP archive"},
    {0, "\x1F\x8B"sv, "a gzip archive"},
    {0, "BM"sv, "a BMP image"},
};

}  // namespace

std::string_view kind_of_file(std::string_view bytes) {
  if (bytes.empty()) return "empty";
  for (const Kind& kind : kKinds) {
    if (bytes.size() >= kind.offset && bytes.substr(kind.offset).starts_with(kind.mark))
      return kind.name;
  }
  return "";
}

}  // namespace gm
