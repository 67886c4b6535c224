#include "eval/comparison.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "image/image_grid.h"
#include "support/images.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using testing::HasSubstr;

InpaintingFigures figures(int64_t images, double psnr_masked) {
  return {.images = images, .values = {{"psnr_masked", psnr_masked}, {"l1", 0.125}}};
}

std::vector<NamedReport> two_reports() {
  return {{"mean fill",
           {.all = figures(30, 12.5),
            .bins = {{.from = 0.1, .to = 0.2, .figures = figures(10, 14.5)},
                     {.from = 0.4, .to = 0.5, .figures = figures(20, 11.5)}}}},
          {"runs/unet",
           {.all = figures(30, 22.25),
            .bins = {{.from = 0.1, .to = 0.2, .figures = figures(10, 24.0)},
                     {.from = 0.4, .to = 0.5, .figures = figures(20, 21.375)}}}}};
}

TEST(ComparisonTable, HasARowPerMethodAndOnePerMethodByArea) {
  const std::string table = comparison_table(two_reports());
  EXPECT_THAT(table, HasSubstr("method        psnr_masked              l1\n"));
  EXPECT_THAT(table, HasSubstr("runs/unet         22.2500          0.1250\n"));
  EXPECT_THAT(table, HasSubstr("10-20 % (10)    40-50 % (20)\n"));
  EXPECT_THAT(table, HasSubstr("mean fill           14.50           11.50\n"));
}

TEST(ComparisonJson, ContainsEveryFigure) {
  const auto json = nlohmann::json::parse(comparison_json(two_reports()));
  EXPECT_EQ(json["methods"].size(), 2U);
  EXPECT_EQ(json["methods"][1]["name"], "runs/unet");
  EXPECT_EQ(json["methods"][1]["psnr_masked"], 22.25);
  EXPECT_EQ(json["methods"][0]["by_area"][1]["images"], 20);
  EXPECT_EQ(json["methods"][0]["by_area"][1]["from"], 0.4);
}

TEST(ComparisonStrips, ShowOriginalMaskedAndInpaintedImagesAndDifferences) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "data.h5", {8, 8, 1}, 3, {});
  const MaskedDataset images(
      std::make_shared<const ImageDataset>(folder / "data.h5"),
      {.kind = "centre", .coverage_min = 0.25, .coverage_max = 0.25, .path = {}}, 1);
  const InpaintMethod white{
      .name = "white",
      .inpaint = [](const MaskedImages& masked_images, const at::Tensor&, const SamplingObserver&) {
        return at::where(masked_images.masks > 0.5, at::ones({1}), masked_images.images);
      }};
  const at::Tensor pixels =
      to_pixels(comparison_images({white}, images, at::arange(2, at::kLong), {}));
  EXPECT_EQ(pixels.sizes(), at::IntArrayRef({2, 2 * 8, 3 * 8, 1}));
  // A pixel of the second image: in the tile at row 0 or 1 and column 0 to 2.
  const auto pixel = [&](int64_t row, int64_t column, int64_t y, int64_t x) {
    return pixels[1][8 * row + y][8 * column + x][0].item<int>();
  };
  const int original = pixel(0, 0, 3, 3);
  EXPECT_EQ(pixel(0, 1, 3, 3), 96) << "the checkerboard of the mask";
  EXPECT_EQ(pixel(0, 1, 3, 4), 159);
  EXPECT_EQ(pixel(0, 1, 0, 0), pixel(0, 0, 0, 0));
  EXPECT_EQ(pixel(0, 2, 3, 3), 255);
  EXPECT_EQ(pixel(1, 0, 3, 3), 0);
  EXPECT_EQ(pixel(1, 1, 3, 3), 255);
  EXPECT_EQ(pixel(1, 1, 0, 0), 0);
  EXPECT_NEAR(pixel(1, 2, 3, 3), 255 - original, 1);
  EXPECT_EQ(pixel(1, 2, 0, 0), 0);
}

TEST(MaskedDataset, SelectsEvenlySpacedImages) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "data.h5", {8, 8, 1}, 10, {});
  const MaskedDataset images(std::make_shared<const ImageDataset>(folder / "data.h5"), MaskConfig{},
                             1);
  const auto evenly_spaced = [&](int64_t count) {
    const at::Tensor i = images.evenly_spaced(at::arange(count, at::kLong), count);
    return std::vector<int64_t>(i.data_ptr<int64_t>(), i.data_ptr<int64_t>() + count);
  };
  EXPECT_EQ(evenly_spaced(5), (std::vector<int64_t>{0, 2, 4, 6, 8}));
  EXPECT_EQ(evenly_spaced(10), (std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(evenly_spaced(3), (std::vector<int64_t>{0, 3, 6}));
}

}  // namespace
}  // namespace gm
