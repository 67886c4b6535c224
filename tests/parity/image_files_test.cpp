// Common image files are decoded like Pillow decodes them (image_file_answers.py), and damaged
// files are refused.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "answers.h"
#include "base/error.h"
#include "checkpoint/safetensors.h"
#include "image/decode.h"
#include "support/expect_error.h"

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ImageFiles : public ::testing::Test {
 protected:
  std::string bytes(const std::string& name) const {
    const at::Tensor& file = answers_.at(name);
    return {reinterpret_cast<const char*>(file.const_data_ptr<uint8_t>()),
            static_cast<size_t>(file.numel())};
  }

  /// Decodes every file that has an answer with this ending, and compares. Returns the number of
  /// files.
  int compare(const std::string& ending, const DecodeOptions& options) const {
    int files = 0;
    for (const auto& [answer, pixels] : answers_) {
      if (!answer.ends_with(ending)) continue;
      ++files;
      const std::string name = answer.substr(0, answer.size() - ending.size());
      try {
        expect_equal(name, decode_image(name, bytes(name + ".file"), options), pixels);
      } catch (const InputError& error) {
        ADD_FAILURE() << error.what();
      }
    }
    return files;
  }

  const TensorMap answers_ = load_safetensors(parity::answer("image_files.safetensors"));

 private:
  static void expect_equal(const std::string& name, const DecodedImage& image,
                           const at::Tensor& pixels) {
    const auto& [height, width, channels] = image.shape;
    ASSERT_EQ(pixels.sizes(), (at::IntArrayRef{height, width, channels})) << name;
    const uint8_t* expected = pixels.const_data_ptr<uint8_t>();
    EXPECT_TRUE(std::equal(image.pixels.begin(), image.pixels.end(), expected)) << name;
  }
};

TEST_F(ImageFiles, AreDecodedAsByPillow) { EXPECT_EQ(compare(".pixels", {}), 133); }

TEST_F(ImageFiles, TransparentPixelsAreBlendedWithTheBackground) {
  EXPECT_EQ(compare(".on_77", {.background = uint8_t{77}}), 10);
}

TEST_F(ImageFiles, HuffmanTablesOfThePreviousFileAreNotReused) {
  const std::string usual = bytes("jpeg_no_end.file"),
                    without = bytes("jpeg_no_huffman_tables.file");
  decode_image("with tables of its own", bytes("grey.scan"));
  EXPECT_EQ(decode_image("without", without).pixels, decode_image("usual", usual).pixels);
}

/// Whether at least 1 % of the values differ much from the original.
bool is_ruined(const DecodedImage& image, const DecodedImage& original) {
  if (image.shape != original.shape) return true;
  constexpr int kFar = 40;
  int64_t far = 0;
  for (size_t i = 0; i < image.pixels.size(); ++i)
    far += std::abs(image.pixels[i] - original.pixels[i]) > kFar ? 1 : 0;
  return far * 100 >= image.shape.bytes();
}

/// Changes one byte of the compressed data at a time. Returns how many of these files are accepted
/// although the image is ruined.
int ruined_that_pass(const std::string& jpeg, int step) {
  const DecodedImage original = decode_image("original", jpeg);
  int passed = 0;
  for (size_t i = jpeg.find("\xff\xda") + 14; i + 2 < jpeg.size(); i += static_cast<size_t>(step)) {
    std::string damaged = jpeg;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 + i % 255));
    try {
      passed += is_ruined(decode_image("damaged", damaged), original) ? 1 : 0;
    } catch (const InputError&) {
    }
  }
  return passed;
}

TEST_F(ImageFiles, FilesWithDamagedCompressedDataAreRefused) {
  // libjpeg gives no warning for 10 % of the damaged files. Those that pass here are valid files of
  // another image.
  int tried = 0, passed = 0;
  for (const char* name : {"444", "420", "progressive", "restart", "grey"}) {
    const std::string jpeg = bytes(std::string(name) + ".scan");
    const int step = static_cast<int>(jpeg.size()) / 200;
    tried += static_cast<int>(jpeg.size()) / step;
    passed += ruined_that_pass(jpeg, step);
  }
  EXPECT_LT(passed * 100, tried * 3) << passed << " of " << tried;
}

TEST_F(ImageFiles, FilesThatEndTooEarlyOrTooLateAreRefused) {
  const auto refuse = [](const std::string& what, const std::string& file) {
    SCOPED_TRACE(what);
    expect_error<InputError>([&] { decode_image(what, file); },
                             AllOf(HasSubstr(what), HasSubstr("is not an intact JPEG file")));
  };
  const std::string end_marker = "\xff\xd9";
  for (const std::string name : {"444", "420", "progressive", "restart", "grey"}) {
    const std::string jpeg = bytes(name + ".scan");
    const size_t end = jpeg.size() - 2, scan = jpeg.rfind("\xff\xda");
    for (const size_t cut : {end - 3, end - 20, scan + 40}) {
      refuse(name + " cut off", jpeg.substr(0, cut));
      refuse(name + " cut off and closed", jpeg.substr(0, cut) + end_marker);
    }
    refuse(name + " cut off before its last scan", jpeg.substr(0, scan));
    for (const size_t masked : {end / 2, end - 100}) {
      const std::string filled = jpeg.substr(0, masked) + std::string(end - masked, '\0');
      refuse(name + " filled up with zeros", filled);
      refuse(name + " filled up with zeros and closed", filled + end_marker);
    }
    refuse(name + " with data behind the last block", jpeg.substr(0, end) + "data" + end_marker);
  }
  const std::string jpeg = bytes("progressive.scan");
  const std::string coarser = jpeg.substr(0, jpeg.rfind("\xff\xda")) + end_marker;
  EXPECT_EQ(decode_image("may leave out its last scan", coarser).shape.width, 112);
}

TEST_F(ImageFiles, FilesWithWrongRestartMarkersAreRefused) {
  const std::string jpeg = bytes("restart.scan");
  const size_t marker = jpeg.find("\xff\xd1", jpeg.find("\xff\xda"));
  std::string other = jpeg, none = jpeg, twice = jpeg;
  other[marker + 1] = '\xd2';
  none.erase(marker, 2);
  twice.insert(marker, "\xff\xd1");
  for (const auto& damaged : {other, none, twice}) {
    expect_error<InputError>([&] { decode_image("a.jpg", damaged); },
                             HasSubstr("a.jpg: is not an intact JPEG file"));
  }
}

TEST_F(ImageFiles, UnsupportedKindsOfJpegAreNamed) {
  const auto refuse = [this](size_t offset, const std::string& replacement, const char* reason) {
    std::string jpeg = bytes("420.scan");
    jpeg.replace(jpeg.find("\xff\xc0") + offset, replacement.size(), replacement);
    expect_error<InputError>([&] { decode_image("a.jpg", jpeg); },
                             AllOf(HasSubstr("a.jpg: "), HasSubstr(reason)));
  };
  refuse(1, "\xc3", "is a lossless or hierarchical JPEG; convert it");
  refuse(1, "\xc9", "is an arithmetically coded JPEG; convert it");
  refuse(4, "\x0c", "has 12 bits a value; convert it");
}

}  // namespace
}  // namespace gm
