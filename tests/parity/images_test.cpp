// Compares decoding, resizing, fitting and augmentation of images with Pillow and torchvision
// (image_answers.py).
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "answers.h"
#include "base/enum_names.h"
#include "base/error.h"
#include "checkpoint/safetensors.h"
#include "data/augmentation.h"
#include "image/decode.h"
#include "image/fit.h"
#include "image/image_grid.h"
#include "image/resize.h"
#include "support/expect_error.h"

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string_view bytes_of(const at::Tensor& tensor) {
  return {reinterpret_cast<const char*>(tensor.const_data_ptr<uint8_t>()),
          static_cast<size_t>(tensor.numel())};
}

std::span<const uint8_t> pixels_of(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<uint8_t>(), static_cast<size_t>(tensor.numel())};
}

ImageShape shape_of(const at::Tensor& tensor) {
  return {tensor.size(0), tensor.size(1), tensor.size(2)};
}

DecodedImage image_of(const at::Tensor& tensor) {
  const auto pixels = pixels_of(tensor);
  return {shape_of(tensor), {pixels.begin(), pixels.end()}};
}

at::Tensor tensor_of(const DecodedImage& image) {
  const auto& [height, width, channels] = image.shape;
  at::Tensor tensor = at::empty({height, width, channels}, at::kByte);
  std::copy(image.pixels.begin(), image.pixels.end(), tensor.data_ptr<uint8_t>());
  return tensor;
}

/// The largest difference of two images in levels of 0..255; 256 if their shapes differ.
int64_t difference(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes()) return 256;
  return (a.to(at::kLong) - b.to(at::kLong)).abs().max().item<int64_t>();
}

/// Calls `test(name, value)` for each tensor whose name ends in `ending`. `name` is without the
/// ending. Returns the number of calls.
template <typename Test>
int for_each_ending(const TensorMap& tensors, const std::string& ending, Test test) {
  int found = 0;
  for (const auto& [name, value] : tensors) {
    if (!name.ends_with(ending)) continue;
    ++found;
    test(name.substr(0, name.size() - ending.size()), value);
  }
  return found;
}

TEST(ImageParity, FilesAreDecodedAsPillowDecodesThem) {
  const auto tensors = load_safetensors(parity::answer("images_files.safetensors"));
  const int files = for_each_ending(tensors, ".pixels", [&](const auto& name, const auto& pixels) {
    const auto content = bytes_of(tensors.at(name + ".file"));
    EXPECT_EQ(difference(tensor_of(decode_image(name, content)), pixels), 0) << name;
    const auto grey = decode_image(name, content, {.grey = true});
    EXPECT_EQ(difference(tensor_of(grey), tensors.at(name + ".grey")), 0) << name;
  });
  EXPECT_EQ(files, 18);
}

TEST(ImageParity, TransparencyIsRefusedOrFlattened) {
  const auto tensors = load_safetensors(parity::answer("images_files.safetensors"));
  const auto content = bytes_of(tensors.at("transparent.file"));
  expect_error<InputError>([&] { decode_image("a.png", content); },
                           AllOf(HasSubstr("a.png"), HasSubstr("--background")));
  for (const int level : {0, 255}) {
    const DecodeOptions options{.background = static_cast<uint8_t>(level)};
    const auto& expected = tensors.at(fmt::format("transparent.on_{}", level));
    EXPECT_LE(difference(tensor_of(decode_image("a.png", content, options)), expected), 1);
  }
}

TEST(ImageParity, UnsupportedAndTruncatedFilesAreNamed) {
  const auto tensors = load_safetensors(parity::answer("images_files.safetensors"));
  const std::map<std::string, std::string> reasons{
      {"cmyk", "CMYK"},
      {"sixteen_bit", "16 bits"},
      {"truncated_jpeg", "is not an intact JPEG file"},
      {"truncated_png", "is not an intact PNG file"},
  };
  for (const auto& [name, reason] : reasons) {
    expect_error<InputError>([&] { decode_image(name, bytes_of(tensors.at(name + ".file"))); },
                             AllOf(HasSubstr(name + ": "), HasSubstr(reason)));
  }
}

TEST(ImageParity, NoPrefixOfAFileIsAccepted) {
  const auto tensors = load_safetensors(parity::answer("images_files.safetensors"));
  for (const auto* name : {"jpeg_420", "jpeg_progressive", "png_rgb"}) {
    const auto content = bytes_of(tensors.at(std::string(name) + ".file"));
    // The last 12 bytes of a PNG file and the last 2 of a JPEG file only mark its end.
    for (size_t size = 0; size + 16 < content.size(); size += 7)
      EXPECT_THROW(decode_image(name, content.substr(0, size)), InputError) << name << size;
  }
}

TEST(ImageParity, ResizingEqualsPillowBitForBit) {
  const auto tensors = load_safetensors(parity::answer("images_resize.safetensors"));
  const int cases = for_each_ending(tensors, ".from", [&](const auto& name, const auto& from) {
    const auto& to = tensors.at(name + ".to");
    const auto filter =
        name.starts_with("bicubic") ? ResampleFilter::kBicubic : ResampleFilter::kBilinear;
    DecodedImage resized{shape_of(to), std::vector<uint8_t>(static_cast<size_t>(to.numel()))};
    Resampler(shape_of(from), to.size(0), to.size(1), filter)
        .resize(pixels_of(from), resized.pixels);
    EXPECT_EQ(difference(tensor_of(resized), to), 0) << name;
  });
  EXPECT_EQ(cases, 40);
}

TEST(ImageParity, ResizingAWindowEqualsACropOfTheResizedImage) {
  const auto tensors = load_safetensors(parity::answer("images_resize.safetensors"));
  for (const std::string name : {"bilinear_RGB_32x32_to_35x35", "bicubic_RGB_90x40_to_20x30"}) {
    const auto& from = tensors.at(name + ".from");
    const auto& whole = tensors.at(name + ".to");
    const auto filter =
        name.starts_with("bicubic") ? ResampleFilter::kBicubic : ResampleFilter::kBilinear;
    Resampler resampler(shape_of(from), whole.size(0), whole.size(1), filter);
    for (const Window& w : {Window{0, 0, 16, 29}, Window{3, 4, 16, 20}, Window{19, 10, 1, 20}}) {
      const ImageShape shape{w.height, w.width, 3};
      DecodedImage part{shape, std::vector<uint8_t>(static_cast<size_t>(shape.bytes()))};
      resampler.resize(pixels_of(from), w, part.pixels);
      const auto expected =
          whole.slice(0, w.top, w.top + w.height).slice(1, w.left, w.left + w.width);
      EXPECT_EQ(difference(tensor_of(part), expected), 0) << name;
    }
  }
}

TEST(ImageParity, FittingEqualsPillowBitForBit) {
  const auto tensors = load_safetensors(parity::answer("images_fit.safetensors"));
  const int cases = for_each_ending(tensors, ".from", [&](const auto& name, const auto& from) {
    for (const auto& [kind, fit] : names_of(Fit{})) {
      const DecodedImage fitted = fit_image(image_of(from), 32, kind);
      EXPECT_EQ(difference(tensor_of(fitted), tensors.at(name + "." + fit)), 0) << name << fit;
    }
  });
  EXPECT_EQ(cases, 6);
}

TEST(ImageParity, AnAugmentedImageIsACropOfTheImageThatTorchvisionResized) {
  const auto tensors = load_safetensors(parity::answer("images_augment.safetensors"));
  const auto& from = tensors.at("from");
  const auto& enlarged = tensors.at("enlarged");
  constexpr int64_t kImages = 1000;
  const at::Tensor images = augment(from.unsqueeze(0).repeat({kImages, 1, 1, 1}),
                                    at::arange(kImages), {.resize_crop = 1.12, .flip = true}, 7);
  std::set<std::tuple<int64_t, int64_t, bool>> seen;
  for (int64_t position = 0; position < kImages; ++position) {
    const at::Tensor augmented = to_pixels(images[position].unsqueeze(0))[0];
    int matches = 0;
    for (int64_t top = 0; top <= 3; ++top) {
      for (int64_t left = 0; left <= 3; ++left) {
        const auto piece = enlarged.slice(0, top, top + 32).slice(1, left, left + 32);
        for (const bool flipped : {false, true}) {
          if (difference(augmented, flipped ? piece.flip({1}) : piece) != 0) continue;
          ++matches;
          seen.emplace(top, left, flipped);
        }
      }
    }
    ASSERT_EQ(matches, 1) << position;
  }
  EXPECT_EQ(seen.size(), 32U) << "every crop, mirrored and not mirrored";
}

}  // namespace
}  // namespace gm
