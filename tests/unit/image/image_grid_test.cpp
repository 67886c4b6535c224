// A grid of images as a PNG file, read back with the decoder that packing uses.
#include "image/image_grid.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "image/decode.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

constexpr size_t kLimit = 1 << 20;
constexpr int64_t kLine = 2;

at::Tensor read_png(const std::filesystem::path& path) {
  const DecodedImage image = decode_image(path.string(), read_file(path, kLimit));
  at::Tensor pixels = at::empty({image.shape.height, image.shape.width, 3}, at::kByte);
  std::copy(image.pixels.begin(), image.pixels.end(), pixels.data_ptr<uint8_t>());
  return pixels;
}

TEST(ImageGrid, PutsImagesRowByRowWithLinesBetween) {
  const TemporaryFolder folder;
  const auto images = at::randint(0, 256, {5, 3, 4, 3}, at::kByte);
  write_image_grid(folder / "grid.png", {images}, {.columns = 3, .scale = 2});
  const auto grid = read_png(folder / "grid.png");
  ASSERT_EQ(grid.size(0), 2 * (6 + kLine) + kLine);
  ASSERT_EQ(grid.size(1), 3 * (8 + kLine) + kLine);
  for (int64_t i = 0; i < 5; ++i) {
    const int64_t top = kLine + i / 3 * (6 + kLine), left = kLine + i % 3 * (8 + kLine);
    const auto tile = grid.slice(0, top, top + 6).slice(1, left, left + 8);
    EXPECT_TRUE(at::equal(tile, images[i].repeat_interleave(2, 0).repeat_interleave(2, 1)));
  }
  EXPECT_EQ(folder.names(), std::vector<std::string>{"grid.png"});
}

TEST(ImageGrid, AcceptsGreyImagesAndMoreColumnsThanImages) {
  const TemporaryFolder folder;
  const auto images = at::randint(0, 256, {2, 3, 3, 1}, at::kByte);
  write_image_grid(folder / "grid.png", {images}, {.columns = 8, .scale = 1});
  const auto grid = read_png(folder / "grid.png");
  ASSERT_EQ(grid.size(1), 2 * (3 + kLine) + kLine);
  EXPECT_TRUE(at::equal(grid.slice(0, 2, 5).slice(1, 2, 5), images[0].expand({3, 3, 3})));
}

TEST(ImageGrid, ChoosesASquareGridAndAVisibleScale) {
  const TemporaryFolder folder;
  write_image_grid(folder / "grid.png", {at::zeros({7, 16, 16, 3}, at::kByte)});
  const auto grid = read_png(folder / "grid.png");
  EXPECT_EQ(grid.size(0), 3 * (64 + kLine) + kLine);
  EXPECT_EQ(grid.size(1), 3 * (64 + kLine) + kLine);
}

TEST(ImageGrid, WritesALabelAboveEachPartOfAColumn) {
  const TemporaryFolder folder;
  const auto images = at::zeros({2, 16, 32, 1}, at::kByte);
  write_image_grid(folder / "plain.png", {images}, {.columns = 2, .scale = 4});
  write_image_grid(folder / "grid.png", {images, {"a", "Inpainted"}}, {.columns = 2, .scale = 4});
  const auto plain = read_png(folder / "plain.png"), grid = read_png(folder / "grid.png");
  const int64_t header = grid.size(0) - plain.size(0);
  ASSERT_EQ(header, 9 + 2 * 3);
  EXPECT_TRUE(at::equal(grid.slice(0, header), plain)) << "the images are as without labels";
  const auto text = grid.slice(0, 3, header - 3).select(2, 0).gt(200);
  const auto ink = [&](int64_t left, int64_t width) {
    return text.slice(1, left, left + width).sum().item<int64_t>();
  };
  for (const int64_t column : {kLine, 2 * kLine + 128}) {
    EXPECT_GT(ink(column, 6), 5) << "an a";
    EXPECT_EQ(ink(column + 6, 58), 0) << "and nothing else above the left part";
    for (int64_t i = 0; i < 9; ++i) EXPECT_GT(ink(column + 64 + 6 * i, 6), 5) << "letter " << i;
  }
}

TEST(ImageGrid, EnlargesImagesUntilTheirLabelsFit) {
  const TemporaryFolder folder;
  const auto width = [&](const std::vector<std::string>& labels) {
    const auto images = at::zeros({1, 32, 64, 1}, at::kByte);
    write_image_grid(folder / "grid.png", {images, labels}, {.columns = 1});
    return read_png(folder / "grid.png").size(1) - 2 * kLine;
  };
  EXPECT_EQ(width({"original", "masked"}), 2 * 64);
  EXPECT_EQ(width({"original", "harmonic fill"}), 2 * 96);
  EXPECT_EQ(width({"original", std::string(100, 'a')}), 2 * 128) << "but not without end";
}

TEST(ImageGrid, CutsALabelThatIsTooLong) {
  const TemporaryFolder folder;
  const auto images = at::zeros({1, 8, 20, 3}, at::kByte);
  write_image_grid(folder / "a.png", {images, {"abc", "x"}}, {.columns = 1, .scale = 1});
  write_image_grid(folder / "b.png", {images, {"a", "x"}}, {.columns = 1, .scale = 1});
  EXPECT_TRUE(at::equal(read_png(folder / "a.png"), read_png(folder / "b.png")));
}

TEST(ImageGrid, RefusesInvalidImagesAndPaths) {
  const TemporaryFolder folder;
  EXPECT_THROW(write_image_grid(folder / "a.png", {at::zeros({1, 3, 4, 4}, at::kByte)}), Error);
  EXPECT_THROW(write_image_grid(folder / "a.png", {at::zeros({1, 4, 4, 3})}), Error);
  EXPECT_THROW(write_image_grid(folder / "none" / "a.png", {at::zeros({1, 4, 4, 3}, at::kByte)}),
               Error);
  EXPECT_TRUE(folder.names().empty());
}

TEST(ToPixels, RoundsAndClamps) {
  const auto values = at::tensor({-1.5F, -1.0F, 0.0F, 0.999F, 1.0F, 7.0F}).view({1, 1, 2, 3});
  const auto pixels = to_pixels(values);
  EXPECT_EQ(pixels.sizes(), (at::IntArrayRef{1, 2, 3, 1}));
  EXPECT_TRUE(at::equal(pixels.flatten(), at::tensor({0, 0, 128, 255, 255, 255}, at::kByte)));
}

TEST(ToPixels, InvertsTheScalingOfTheLoader) {
  const auto pixels = at::arange(256, at::kByte).view({1, 16, 16, 1});
  const auto values = pixels.permute({0, 3, 1, 2}).to(at::kFloat) * (2.0F / 255.0F) - 1.0F;
  EXPECT_TRUE(at::equal(to_pixels(values), pixels));
}

}  // namespace
}  // namespace gm
