// Augmentation depends on the position. tests/parity compares its results with torchvision.
#include "data/augmentation.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/images.h"

namespace gm {
namespace {

constexpr ImageShape kAugmentationShape{8, 6, 3};

std::vector<uint8_t> augmented(const AugmentationOptions& options, uint64_t seed,
                               uint64_t position) {
  auto pixels = numbered_image(5, kAugmentationShape);
  Augmentation(kAugmentationShape, options, seed).apply(pixels, position);
  return pixels;
}

TEST(Augmentation, IsOffByDefault) {
  for (uint64_t position = 0; position < 20; ++position)
    EXPECT_EQ(augmented({}, 1, position), numbered_image(5, kAugmentationShape));
}

TEST(Augmentation, AFactorThatAddsNoPixelChangesNothing) {
  EXPECT_EQ(augmented({.resize_crop = 1.12}, 1, 3), numbered_image(5, kAugmentationShape));
}

TEST(Augmentation, MirrorsHalfOfTheImages) {
  const auto original = numbered_image(5, kAugmentationShape);
  auto mirrored = original;
  for (int64_t y = 0; y < kAugmentationShape.height; ++y) {
    for (int64_t x = 0; x < kAugmentationShape.width; ++x) {
      const int64_t to = (y * kAugmentationShape.width + x) * 3,
                    from = (y * kAugmentationShape.width + kAugmentationShape.width - 1 - x) * 3;
      std::copy_n(original.begin() + from, 3, mirrored.begin() + to);
    }
  }
  int flips = 0;
  for (uint64_t position = 0; position < 1000; ++position) {
    const auto pixels = augmented({.flip = true}, 1, position);
    EXPECT_TRUE(pixels == original || pixels == mirrored);
    if (pixels == mirrored) ++flips;
  }
  EXPECT_NEAR(flips, 500, 64) << "four standard deviations";
}

TEST(Augmentation, DependsOnlyOnSeedAndPosition) {
  const AugmentationOptions options{.resize_crop = 1.5, .flip = true};
  Augmentation used(kAugmentationShape, options, 1);
  for (uint64_t position = 0; position < 50; ++position) {
    auto pixels = numbered_image(5, kAugmentationShape);
    used.apply(pixels, position);
    EXPECT_EQ(pixels, augmented(options, 1, position)) << "independent of earlier draws";
  }
  EXPECT_NE(augmented(options, 1, 0), augmented(options, 1, 1));
  EXPECT_NE(augmented(options, 1, 0), augmented(options, 2, 0));
}

}  // namespace
}  // namespace gm
