// Masks: polarity, coverage, shapes, dependence on seed and position only, and refused input.
#include "data/masks.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/enum_names.h"
#include "base/error.h"
#include "data/mask_pairs.h"
#include "data/mask_shapes.h"
#include "support/expect_error.h"
#include "support/images.h"
#include "support/png.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr int64_t kSide = 32;

MaskConfig config_of(std::string_view kind, double least = 0.1, double most = 0.5) {
  return {.kind = *value_named<MaskKind>(kind),
          .coverage_min = least,
          .coverage_max = most,
          .path = ""};
}

at::Tensor draw(const MaskConfig& config, int64_t count, uint64_t seed = 1, int64_t height = kSide,
                int64_t width = kSide) {
  return MaskSource(config, height, width, seed).masks(at::arange(count, at::kLong));
}

/// The number of masked pixels of each mask, float64 [n].
at::Tensor missing_pixels(const at::Tensor& masks) { return masks.to(at::kDouble).sum({1, 2, 3}); }

/// The bounding box of the masked pixels of a mask, inclusive.
struct Bounds {
  int64_t top, left, bottom, right;
  int64_t height() const { return bottom - top + 1; }
  int64_t width() const { return right - left + 1; }
};

Bounds bounds_of(const at::Tensor& mask) {
  const at::Tensor places = mask.squeeze().nonzero();
  const auto first = std::get<0>(places.min(0)), last = std::get<0>(places.max(0));
  return {first[0].item<int64_t>(), first[1].item<int64_t>(), last[0].item<int64_t>(),
          last[1].item<int64_t>()};
}

class DrawnMasks : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Kinds, DrawnMasks,
                         ::testing::Values("rectangle", "boxes", "strokes", "half", "centre",
                                           "pixels"));

TEST_P(DrawnMasks, AreFloatsOfZeroAndOneWithOneChannel) {
  const at::Tensor masks = draw(config_of(GetParam()), 50, 1, 20, 28);
  EXPECT_EQ(masks.scalar_type(), at::kFloat);
  EXPECT_EQ(masks.sizes(), (at::IntArrayRef{50, 1, 20, 28}));
  EXPECT_TRUE(((masks == 0) | (masks == 1)).all().item<bool>());
}

TEST_P(DrawnMasks, DependOnlyOnSeedAndPosition) {
  const MaskSource source(config_of(GetParam()), kSide, kSide, 7);
  const at::Tensor all = source.masks(at::arange(64, at::kLong));
  const at::Tensor some = at::tensor({int64_t{63}, int64_t{5}, int64_t{40}});
  EXPECT_TRUE(at::equal(source.masks(some), all.index_select(0, some)));
  EXPECT_TRUE(at::equal(draw(config_of(GetParam()), 64, 7), all));
  EXPECT_FALSE(at::equal(draw(config_of(GetParam()), 64, 8), all));
  const at::Tensor late = source.masks(at::arange(64, at::kLong) + (int64_t{1} << 40));
  EXPECT_FALSE(at::equal(late, all));
}

TEST_P(DrawnMasks, AreNeverEmptyNorFull) {
  for (const auto& [height, width] : {std::pair{2, 2}, {3, 2}, {2, 9}, {5, 5}}) {
    const at::Tensor missing =
        missing_pixels(draw(config_of(GetParam(), 0.0, 0.95), 300, 1, height, width));
    EXPECT_GE(missing.min().item<double>(), 1);
    EXPECT_LE(missing.max().item<double>(), height * width - 1);
  }
}

/// The kinds whose coverage is configured.
class CoveredMasks : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Kinds, CoveredMasks,
                         ::testing::Values("rectangle", "boxes", "strokes", "centre", "pixels"));

TEST_P(CoveredMasks, HaveCoveragesOverTheWholeRange) {
  for (const auto& [least, most] : {std::pair{0.1, 0.5}, {0.02, 0.04}, {0.6, 0.9}, {0.0, 0.95}}) {
    const at::Tensor coverage =
        missing_pixels(draw(config_of(GetParam(), least, most), 4000)) / (kSide * kSide);
    EXPECT_GE(coverage.min().item<double>(), least);
    EXPECT_LE(coverage.max().item<double>(), most);
    const double slack = std::max(0.15 * (most - least), 0.01);  // sides are whole pixels
    EXPECT_LT(coverage.min().item<double>(), least + slack) << most;
    EXPECT_GT(coverage.max().item<double>(), most - slack) << least;
  }
}

TEST_P(CoveredMasks, AnExactCoverageIsMet) {
  const at::Tensor missing = missing_pixels(draw(config_of(GetParam(), 0.25, 0.25), 100));
  EXPECT_TRUE((missing == kSide * kSide / 4).all().item<bool>());
}

/// Mean and variance of the uniform distribution over the range. The mean of 20,000 masks has a
/// standard deviation of 0.0008.
TEST(Masks, CoverageIsUniform) {
  for (const char* kind : {"boxes", "strokes", "pixels", "rectangle"}) {
    const at::Tensor coverage = missing_pixels(draw(config_of(kind), 20'000)) / (kSide * kSide);
    EXPECT_NEAR(coverage.mean().item<double>(), 0.3,
                std::string(kind) == "rectangle" ? 0.01 : 0.004)
        << kind;
    EXPECT_NEAR(coverage.var().item<double>(), 0.4 * 0.4 / 12, 0.0006) << kind;
  }
}

TEST(Masks, EachPixelIsMaskedEquallyOften) {
  const at::Tensor masks = draw(config_of("pixels"), 20'000);
  const at::Tensor often = masks.to(at::kDouble).mean(0).flatten();
  // One sigma is 0.0033; the largest deviation of 1024 pixels is about 3.3 sigma.
  EXPECT_NEAR(often.min().item<double>(), 0.3, 0.018);
  EXPECT_NEAR(often.max().item<double>(), 0.3, 0.018);
  // Neighbours are drawn independently.
  const at::Tensor both = (masks.narrow(3, 0, kSide - 1) * masks.narrow(3, 1, kSide - 1)).mean();
  EXPECT_NEAR(both.item<double>(), 0.3 * 0.3 + 0.4 * 0.4 / 12, 0.002);
}

TEST(Masks, StrokesAndBoxesReachEveryPixel) {
  for (const char* kind : {"strokes", "boxes", "rectangle"}) {
    const at::Tensor often = draw(config_of(kind), 4000).mean(0);
    EXPECT_GT(often.min().item<double>(), 0.0) << kind;
    EXPECT_LT(often.max().item<double>(), 0.75) << kind;
  }
}

TEST(Masks, RectanglesAreFilledAndOfModerateProportions) {
  const at::Tensor masks = draw(config_of("rectangle"), 2000, 1, 32, 48);
  const at::Tensor missing = missing_pixels(masks);
  for (int64_t i = 0; i < masks.size(0); ++i) {
    const Bounds bounds = bounds_of(masks[i]);
    EXPECT_EQ(bounds.height() * bounds.width(), missing[i].item<double>());
    const double proportion =
        static_cast<double>(bounds.width() * 32) / static_cast<double>(bounds.height() * 48);
    EXPECT_GE(proportion, 0.5);
    EXPECT_LE(proportion, 2.0);
  }
}

TEST(Masks, BoxesHaveMoreThanOneRectangle) {
  // A single rectangle would fill its bounding box.
  const at::Tensor masks = draw(config_of("boxes"), 500);
  const at::Tensor missing = missing_pixels(masks);
  int64_t single = 0;
  for (int64_t i = 0; i < masks.size(0); ++i) {
    const Bounds bounds = bounds_of(masks[i]);
    if (bounds.height() * bounds.width() == missing[i].item<double>()) ++single;
  }
  EXPECT_LT(single, 5);
}

TEST(Masks, StrokesAreThickLines) {
  // Most pixels of a disc have masked neighbours on both sides; single pixels almost never do.
  const at::Tensor masks = draw(config_of("strokes", 0.2, 0.3), 500);
  const at::Tensor inner =
      masks.narrow(3, 0, kSide - 2) * masks.narrow(3, 1, kSide - 2) * masks.narrow(3, 2, kSide - 2);
  const double share = inner.sum().item<double>() / masks.sum().item<double>();
  EXPECT_GT(share, 0.4);
  EXPECT_LT(share, 0.9);
}

TEST(Masks, HalfIsOneOfFourSides) {
  const at::Tensor masks = draw(config_of("half"), 400, 1, 6, 9);
  std::map<std::array<int64_t, 4>, int64_t> seen;
  for (int64_t i = 0; i < masks.size(0); ++i) {
    const Bounds bounds = bounds_of(masks[i]);
    EXPECT_EQ(masks[i].sum().item<double>(), bounds.height() * bounds.width());
    ++seen[{bounds.top, bounds.left, bounds.bottom, bounds.right}];
  }
  ASSERT_EQ(seen.size(), 4U);
  for (const std::array<int64_t, 4> side :
       {std::array<int64_t, 4>{0, 0, 5, 3}, {0, 5, 5, 8}, {0, 0, 2, 8}, {3, 0, 5, 8}}) {
    EXPECT_GT(seen[side], 60);
  }
}

TEST(Masks, CentreIsInTheMiddle) {
  const at::Tensor masks = draw(config_of("centre"), 200, 1, 32, 64);
  for (int64_t i = 0; i < masks.size(0); ++i) {
    const Bounds bounds = bounds_of(masks[i]);
    EXPECT_LE(std::abs(bounds.top - (31 - bounds.bottom)), 1);
    EXPECT_LE(std::abs(bounds.left - (63 - bounds.right)), 1);
    EXPECT_EQ(bounds.width(), 2 * bounds.height());
  }
}

/// The kind of a mask that covers a quarter of the pixels, as far as its pixels determine it.
std::string kind_of(const at::Tensor& mask, const at::Tensor& centre) {
  const auto missing = mask.sum().item<int64_t>();
  if (missing == kSide * kSide / 2) return "half";
  if (mask.equal(centre)) return "centre";
  const Bounds bounds = bounds_of(mask);
  if (missing == bounds.height() * bounds.width()) return "rectangle";
  // If pixels are masked independently, a quarter of them have a masked neighbour on the right.
  const at::Tensor left = mask.slice(2, 0, kSide - 1), right = mask.slice(2, 1, kSide);
  return (left * right).sum().item<double>() < 0.4 * static_cast<double>(missing)
             ? "pixels"
             : "boxes or strokes";
}

TEST(Masks, MixedDrawsEveryKind) {
  const at::Tensor masks = draw(config_of("mixed", 0.25, 0.25), 1200);
  const at::Tensor centre = draw(config_of("centre", 0.25, 0.25), 1)[0];
  std::map<std::string, double> share;
  for (int64_t i = 0; i < 1200; ++i) share[kind_of(masks[i], centre)] += 1.0 / 1200;
  for (const char* kind : {"half", "centre", "rectangle", "pixels"}) {
    EXPECT_NEAR(share[kind], 1.0 / 6, 0.05) << kind;
  }
  EXPECT_NEAR(share["boxes or strokes"], 2.0 / 6, 0.05);
}

TEST(Masks, AWrongRangeNamesItsKeys) {
  expect_error<InputError>(
      [] { draw(config_of("strokes", 0.5, 0.2), 1); },
      AllOf(HasSubstr("mask.coverage_min is 0.5"), HasSubstr("mask.coverage_max, which is 0.2")));
  expect_error<InputError>([] { draw(config_of("pixels", 0.3, 0.3), 1, 1, 3, 3); },
                           AllOf(HasSubstr("mask.coverage_min = 0.3"), HasSubstr("9 pixels")));
  expect_error<InputError>([] { draw(config_of("centre", 0.3, 0.35), 1, 1, 8, 8); },
                           AllOf(HasSubstr("mask.coverage_min"), HasSubstr("kind centre")));
  expect_error<InputError>([] { draw(config_of("mixed", 0.3, 0.35), 1, 1, 8, 8); },
                           HasSubstr("kind centre"));
  expect_error<InputError>([] { draw(config_of("rectangle", 0.0, 0.00098), 1, 1, 4, 512); },
                           HasSubstr("kind rectangle"));
  expect_error<InputError>([] { draw(config_of("half"), 1, 1, 1, 8); }, HasSubstr("too small"));
}

class MaskFilesTest : public ::testing::Test {
 protected:
  /// Mask 0 covers the upper row, mask 1 the left column and mask 2 a corner.
  MaskFilesTest() {
    masks_.narrow(0, 0, 1).narrow(2, 0, 1).fill_(1);
    masks_.narrow(0, 1, 1).narrow(3, 0, 1).fill_(1);
    masks_.narrow(0, 2, 1).narrow(2, 0, 1).narrow(3, 0, 1).fill_(1);
  }

  /// Writes pixels [H,W], or [H,W,C].
  void write(const std::string& name, const at::Tensor& pixels) {
    write_png(folder_ / name, pixels.dim() == 3 ? pixels : pixels.unsqueeze(2));
  }

  MaskSource open(const fs::path& path, int64_t height = 3, int64_t width = 4) {
    MaskConfig config = config_of("files");
    config.path = path.string();
    return {config, height, width, 1};
  }

  /// How often each of masks_ occurs in `drawn`.
  std::vector<int64_t> count(const at::Tensor& drawn) const {
    std::vector<int64_t> counts;
    for (int64_t m = 0; m < masks_.size(0); ++m)
      counts.push_back((drawn == masks_[m]).flatten(1).all(1).sum().item<int64_t>());
    return counts;
  }

  void expect_refused(const at::Tensor& pixels, const char* reason) {
    write("wrong.png", pixels);
    expect_error<InputError>([&] { open(folder_ / "wrong.png"); },
                             AllOf(HasSubstr("wrong.png"), HasSubstr(reason)));
  }

  at::Tensor masks_ = at::zeros({3, 1, 3, 4});
  TemporaryFolder folder_;
};

TEST_F(MaskFilesTest, WhiteIsMaskedInEveryPngFormat) {
  write("grey.png", masks_[0][0] * 255);
  write("ones.PNG", masks_[1][0]);
  write("colour.png", masks_[2][0].unsqueeze(2).expand({3, 4, 3}) * 255);
  write_bytes(folder_ / ".hidden.png", "not a mask");
  write_bytes(folder_ / "notes.txt", "not a mask");
  ::testing::internal::CaptureStderr();
  const at::Tensor drawn = open(folder_.path()).masks(at::arange(900, at::kLong));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("1 files left out"));
  for (const int64_t times : count(drawn)) EXPECT_NEAR(static_cast<double>(times), 300, 60);
}

TEST_F(MaskFilesTest, OneFileIsTheMaskOfEveryImage) {
  write("one.png", masks_[2][0] * 255);
  const at::Tensor drawn = open(folder_ / "one.png").masks(at::arange(5, at::kLong));
  EXPECT_TRUE(at::equal(drawn, masks_[2].expand_as(drawn)));
}

TEST_F(MaskFilesTest, EachImageHasTheMaskOfItsName) {
  const std::vector<std::string> names{"c", "cats/a", "b"};
  fs::create_directory(folder_ / "cats");
  for (int64_t i = 0; i < 3; ++i) write(names[static_cast<size_t>(i)] + ".png", masks_[i][0] * 255);
  const MaskSource source(masks_of_images(folder_.path(), 3, names), 3, 4);
  EXPECT_TRUE(at::equal(source.masks(at::tensor({2, 0, 1, 2}, at::kLong)),
                        masks_.index_select(0, at::tensor({2, 0, 1, 2}, at::kLong))));
  EXPECT_THAT(source.content_hash(), SizeIs(32));
}

TEST_F(MaskFilesTest, TheHashDependsOnlyOnContent) {
  write("a.png", masks_[0][0] * 255);
  write("b.png", masks_[1][0] * 255);
  const std::string both = open(folder_.path()).content_hash();
  EXPECT_NE(both, open(folder_ / "a.png").content_hash());
  fs::rename(folder_ / "b.png", folder_ / "c.png");
  EXPECT_EQ(both, open(folder_.path()).content_hash());
  write("a.png", masks_[2][0] * 255);
  EXPECT_NE(both, open(folder_.path()).content_hash());
  EXPECT_EQ(MaskSource(config_of("strokes"), 8, 8, 1).content_hash(), "");
}

TEST_F(MaskFilesTest, SaysWhatIsWrong) {
  expect_refused(at::ones({4, 3}), "the mask is of 3 x 4 pixels, but the run's images of 4 x 3");
  expect_refused(masks_[0][0] * 128, "holds the grey value 128");
  at::Tensor mostly = masks_[0][0] * 255;
  mostly[2][2] = 1;
  expect_refused(mostly, "holds the grey value 1,");
  expect_refused(at::zeros({3, 4}), "no pixel is missing");
  expect_refused(at::ones({3, 4}), "no pixel is known");
  expect_refused(at::full({3, 4}, 255), "no pixel is known");
  write_bytes(folder_ / "wrong.png", "hello");
  expect_error<InputError>([&] { open(folder_.path()); },
                           AllOf(HasSubstr("wrong.png"), HasSubstr("PNG")));
  fs::remove(folder_ / "wrong.png");
  expect_error<InputError>([&] { open(folder_.path()); },
                           AllOf(HasSubstr(folder_.path().string()), HasSubstr("no PNG files")));
  expect_error<InputError>([&] { open(folder_ / "none"); }, HasSubstr("no such file or folder"));
  expect_error<InputError>([&] { open(""); }, HasSubstr("mask.path is not set"));
  MaskConfig config = config_of("strokes");
  config.path = "masks/";
  expect_error<InputError>(
      [&] { MaskSource(config, 8, 8, 1); },
      AllOf(HasSubstr("mask.path is masks/"), HasSubstr("mask.kind is strokes")));
}

}  // namespace
}  // namespace gm
