// Decoding and fitting of a photo. The input: options of both (two bytes), then a JPEG or PNG file.
#include <zlib.h>

#include "fuzz/fuzz.h"
#include "image/decode.h"
#include "image/fit.h"

namespace gm {
namespace {

uint32_t big_endian(std::string_view bytes) {
  uint32_t value = 0;
  for (const char byte : bytes.substr(0, 4)) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

/// Corrects the checksum of every chunk of a PNG file, so that decoding continues after the check.
std::string with_checksums(std::string png) {
  constexpr size_t kSignature = 8, kLength = 4, kKind = 4, kChecksum = 4;
  for (size_t at = kSignature; at + kLength + kKind + kChecksum <= png.size();) {
    const size_t content = kKind + big_endian(std::string_view(png).substr(at));
    at += kLength;
    if (content > png.size() - at - kChecksum) break;
    const auto* bytes = reinterpret_cast<const uint8_t*>(&png[at]);
    const auto sum = static_cast<uint32_t>(::crc32(0, bytes, static_cast<uInt>(content)));
    at += content;
    for (int shift = 24; shift >= 0; shift -= 8) png[at++] = static_cast<char>(sum >> shift);
  }
  return png;
}

}  // namespace
}  // namespace gm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  gm::Input input(data, size);
  const uint8_t how = input.byte();
  const int64_t side = 1 + input.byte() % 64;
  gm::DecodeOptions options;
  options.grey = (how & 1) != 0;
  if ((how & 2) != 0) options.background = how;
  const auto fit = static_cast<gm::Fit>((how >> 2) % 3);
  std::string file(input.rest());
  if (file.starts_with("\x89PNG") && (how & 128) == 0) file = gm::with_checksums(std::move(file));
  gm::may_refuse([&] {
    const gm::DecodedImage image =
        gm::fit_image(gm::decode_image("photo", file, options), side, fit);
    gm::require(image.shape == gm::ImageShape{side, side, options.grey ? 1 : 3});
    gm::require(static_cast<int64_t>(image.pixels.size()) == image.shape.bytes());
  });
  return 0;
}
