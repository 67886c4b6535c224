// Photos that are refused because of what they would cost. (parity/ compares the pixels of others.)
#include "data/pack/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <turbojpeg.h>

#include "base/error.h"
#include "support/expect_error.h"

namespace gm {
namespace {

using ::testing::HasSubstr;

std::string progressive_jpeg() {
  const std::vector<uint8_t> pixels(16 * 16 * 3, 100);
  const tjhandle encoder = tjInitCompress();
  unsigned char* bytes = nullptr;
  unsigned long size = 0;  // NOLINT(google-runtime-int): as libjpeg-turbo has it
  tjCompress2(encoder, pixels.data(), 16, 0, 16, TJPF_RGB, &bytes, &size, TJSAMP_444, 90,
              TJFLAG_PROGRESSIVE);
  std::string jpeg(reinterpret_cast<const char*>(bytes), size);
  tjFree(bytes);
  tjDestroy(encoder);
  return jpeg;
}

TEST(DecodePicture, RefusesAJpegThatDrawsItsPixelsHundredsOfTimes) {
  std::string jpeg = progressive_jpeg();
  EXPECT_EQ(decode_picture("a.jpg", jpeg).shape, (ImageShape{16, 16, 3}));
  const size_t end = jpeg.size() - 2, scan = jpeg.rfind("\xff\xda");
  const std::string last_scan = jpeg.substr(scan, end - scan);
  for (int i = 0; i < 600; ++i) jpeg.insert(end, last_scan);
  expect_error<InputError>([&] { decode_picture("a.jpg", jpeg); },
                           HasSubstr("more than 500 scans"));
}

}  // namespace
}  // namespace gm
