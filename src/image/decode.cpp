#include "image/decode.h"

#include "base/error.h"
#include "image/image_kind.h"
#include "image/jpeg.h"
#include "image/png.h"

namespace gm {
namespace {

/// RGB to ITU-R 601 luma in 16-bit fixed point, as Pillow's mode "L"; in place.
void make_grey(DecodedImage& image) {
  const uint8_t* from = image.pixels.data();
  uint8_t* to = image.pixels.data();
  image.shape.channels = 1;
  for (int64_t i = 0; i < image.shape.bytes(); ++i, from += 3) {
    const uint32_t luma = 19595U * from[0] + 38470U * from[1] + 7471U * from[2] + 0x8000U;
    to[i] = static_cast<uint8_t>(luma >> 16);
  }
  image.pixels.resize(static_cast<size_t>(image.shape.bytes()));
}

[[noreturn]] void refuse_kind(const std::string& name, std::string_view bytes) {
  const std::string_view kind = kind_of_file(bytes);
  if (kind.empty()) throw InputError("{}: is neither a JPEG nor a PNG file", name);
  throw InputError("{}: is {}, neither a JPEG nor a PNG file; convert it or leave it out", name,
                   kind);
}

DecodedImage decode_rgb(const std::string& name, std::string_view bytes,
                        const DecodeOptions& options) {
  constexpr std::string_view kJpegStart = "\xff\xd8", kPngStart = "\x89PNG\r\n\x1a\n";
  if (bytes.starts_with(kJpegStart)) return decode_jpeg(name, bytes);
  if (bytes.starts_with(kPngStart)) return decode_png(name, bytes, options.background);
  refuse_kind(name, bytes);
}

}  // namespace

DecodedImage decode_image(const std::string& name, std::string_view bytes,
                          const DecodeOptions& options) {
  DecodedImage image = decode_rgb(name, bytes, options);
  if (options.grey) make_grey(image);
  return image;
}

}  // namespace gm
