// Files that are refused because of their format or their cost. tests/parity compares decoded
// pixels.
#include "image/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <array>
#include <atomic>
#include <future>

#include "base/error.h"
#include "support/expect_error.h"
#include "support/jpeg.h"

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string big_endian(size_t number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(number >> shift));
  return bytes;
}

std::string png_chunk(const std::string& kind, const std::string& content) {
  const std::string summed = kind + content;
  const auto* data = reinterpret_cast<const Bytef*>(summed.data());
  return big_endian(content.size()) + summed +
         big_endian(::crc32(0, data, static_cast<uInt>(summed.size())));
}

std::string compressed(const std::string& data) {
  std::string bytes(::compressBound(data.size()), '\0');
  uLongf size = bytes.size();
  ::compress(reinterpret_cast<Bytef*>(bytes.data()), &size,
             reinterpret_cast<const Bytef*>(data.data()), data.size());
  return bytes.substr(0, size);
}

/// A grey PNG file of `rows` in the encoding of the format, with `chunks` before them.
std::string grey_png(size_t width, size_t height, int bits, const std::string& rows,
                     const std::string& chunks = "") {
  const std::string header =
      big_endian(width) + big_endian(height) + static_cast<char>(bits) + std::string(4, '\0');
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) + chunks +
         png_chunk("IDAT", compressed(rows)) + png_chunk("IEND", "");
}

void expect_refused(const std::string& file, const char* reason) {
  expect_error<InputError>([&] { decode_image("photos/a", file); },
                           AllOf(StartsWith("photos/a: "), HasSubstr(reason)));
}

TEST(DecodeImage, RefusesAJpegWithHundredsOfScans) {
  constexpr std::array<jpeg_scan_info, 2> kScans{{{1, {0}, 0, 0, 0, 0}, {1, {0}, 1, 63, 0, 0}}};
  std::string jpeg = encode_jpeg({16, 16, 1}, std::vector<uint8_t>(16, 100), [&](auto* settings) {
    settings->scan_info = kScans.data();
    settings->num_scans = kScans.size();
  });
  EXPECT_EQ(decode_image("a.jpg", jpeg).shape, (ImageShape{16, 16, 3}));
  const size_t end = jpeg.size() - 2, scan = jpeg.rfind("\xff\xda");
  const std::string last_scan = jpeg.substr(scan, end - scan);
  for (int i = 0; i < 600; ++i) jpeg.insert(end, last_scan);
  expect_refused(jpeg, "more than 500 scans");
}

TEST(DecodeImage, RefusesAJpegWithoutTheScanOfAChannel) {
  constexpr std::array<jpeg_scan_info, 3> kScans{
      {{1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}}};
  std::string jpeg =
      encode_jpeg({24, 24, 3}, std::vector<uint8_t>(24 * 3, 100), [&](auto* settings) {
        settings->scan_info = kScans.data();
        settings->num_scans = kScans.size();
      });
  EXPECT_EQ(decode_image("a.jpg", jpeg).pixels[0], 100);
  const size_t last_scan = jpeg.rfind("\xff\xda");
  expect_refused(jpeg.erase(last_scan, jpeg.size() - 2 - last_scan), "scans are missing");
}

TEST(DecodeImage, NamesFilesOfOtherKinds) {
  using std::string_literals::operator""s;
  for (const auto& [bytes, kind] : {
           std::pair("RIFF\x1a\0\0\0WEBPVP8 "s, "is a WebP image"),
           std::pair("GIF89a\1\0"s, "is a GIF image"),
           std::pair("\0\0\0\x1c"
                     "ftypavif\0\0\0\0"s,
                     "is an AVIF image"),
           std::pair("\0\0\0\x18"
                     "ftypheic\0\0\0\0"s,
                     "is a HEIC image"),
           std::pair("\0\0\0\x18"
                     "ftypmp42\0\0\0\0"s,
                     "is a video"),
           std::pair("II*\0\x08\0\0\0"s, "is a TIFF image"),
           std::pair("MM\0*\0\0\0\x08"s, "is a TIFF image"),
           std::pair("BM\x36\0\0\0"s, "is a BMP image"),
           std::pair("\0\0\0\x0cJXL \r\n"s, "is a JPEG XL image"),
           std::pair("<!DOCTYPE html><title>404"s, "is a web page"),
           std::pair("version https://git-lfs.github.com/spec/v1\n"s, "is a pointer of Git LFS"),
           std::pair(""s, "is empty, neither a JPEG nor a PNG file"),
           std::pair("hello\n"s, "is neither a JPEG nor a PNG file"),
       })
    expect_refused(bytes, kind);
}

TEST(DecodeImage, TheTransparentGreyValueIsComparedAsStored) {
  // Two pixels of two bits with values 1 and 2. As in the PNG standard, key 1 is a value in 0..3.
  const std::string file =
      grey_png(2, 1, 2, std::string("\0\x60", 2), png_chunk("tRNS", std::string("\0\1", 2)));
  expect_refused(file, "has transparent pixels");
  EXPECT_EQ(decode_image("a.png", file, {.background = uint8_t{9}, .grey = true}).pixels,
            (std::vector<uint8_t>{9, 170}));
}

TEST(DecodeImage, TextBeyondASizeLimitIsNotDecompressed) {
  const auto turned = [](size_t spaces) {
    const std::string xmp = std::string(spaces, ' ') + "tiff:Orientation=\"6\"";
    const std::string keyword("XML:com.adobe.xmp\0\0", 19);
    const std::string text = png_chunk("zTXt", keyword + compressed(xmp));
    return decode_image("a.png", grey_png(2, 1, 8, std::string(3, '\0'), text)).shape;
  };
  EXPECT_EQ(turned(size_t{1} << 19), (ImageShape{2, 1, 3}));
  EXPECT_EQ(turned(size_t{1} << 22), (ImageShape{1, 2, 3}));
}

TEST(DecodeImage, RefusesAFileWithTooFewBytesForItsPixels) {
  expect_refused(grey_png(16000, 16000, 8, "few bytes"), "declares 16000 x 16000 pixels");
  const std::vector<uint8_t> row(16 * 3, 100);
  for (std::string jpeg :
       {encode_jpeg({16, 16, 3}, row), encode_jpeg({16, 16, 3}, row, jpeg_simple_progression)}) {
    const size_t frame = std::min(jpeg.find("\xff\xc0"), jpeg.find("\xff\xc2"));
    jpeg.replace(frame + 5, 4, "\x3e\x80\x3e\x80");
    expect_refused(jpeg, "declares 16000 x 16000 pixels");
  }
}

TEST(AnnounceImage, ALargeImageWaitsUntilAnotherIsFreed) {
  std::atomic<bool> is_gone = false;
  std::future<bool> second;
  {
    const DecodedImage first = reserve_image("a", {9000, 12000, 3});
    second = std::async(std::launch::async, [&] {
      const DecodedImage waited = reserve_image("b", {12000, 9000, 3});
      return is_gone.load();
    });
    EXPECT_EQ(reserve_image("small", {4000, 6000, 3}).shape.width, 6000) << "does not wait";
    is_gone = true;
  }
  EXPECT_TRUE(second.get());
}

TEST(AnnounceImage, RefusesImagesTooLargeForMemory) {
  for (const ImageShape& shape : {ImageShape{20000, 20000, 3}, ImageShape{1, int64_t{1} << 31, 3},
                                  ImageShape{int64_t{1} << 31, int64_t{1} << 31, 3}}) {
    expect_error<InputError>([&] { reserve_image("a.png", shape); },
                             AllOf(HasSubstr("a.png: declares "), HasSubstr("make it smaller")));
  }
}

}  // namespace
}  // namespace gm
