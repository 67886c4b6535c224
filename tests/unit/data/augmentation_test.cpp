// Augmentation depends on the position. tests/parity compares its results with torchvision.
#include "data/augmentation.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "image/image_grid.h"
#include "support/images.h"

namespace gm {
namespace {

constexpr ImageShape kAugmentationShape{8, 6, 3};

/// Numbered image 5 as uint8 [1,H,W,C].
at::Tensor image_five() {
  const auto& [height, width, channels] = kAugmentationShape;
  return at::tensor(at::ArrayRef<uint8_t>(numbered_image(5, kAugmentationShape)), at::kByte)
      .view({1, height, width, channels});
}

/// Image 5, augmented for samples at `positions`: uint8 [n,H,W,C].
at::Tensor augmented(const AugmentationOptions& options, uint64_t seed,
                     const at::Tensor& positions) {
  const at::Tensor pixels = image_five().repeat({positions.size(0), 1, 1, 1});
  return to_pixels(augment(pixels, positions, options, seed));
}

TEST(Augmentation, IsOffByDefault) {
  const at::Tensor images = augment(image_five(), at::zeros({1}, at::kLong), {}, 1);
  EXPECT_EQ(images.scalar_type(), at::kFloat);
  EXPECT_EQ(images.sizes(), (at::IntArrayRef{1, 3, 8, 6}));
  EXPECT_TRUE(images.is_contiguous(at::MemoryFormat::ChannelsLast));
  for (const at::Tensor& pixels : augmented({}, 1, at::arange(20)).split(1))
    EXPECT_TRUE(pixels.equal(image_five()));
}

TEST(Augmentation, AFactorThatAddsNoPixelChangesNothing) {
  EXPECT_TRUE(augmented({.resize_crop = 1.12}, 1, at::arange(3, 4)).equal(image_five()));
}

TEST(Augmentation, MirrorsHalfOfTheImages) {
  const at::Tensor mirrored = image_five().flip({2});
  int flips = 0;
  for (const at::Tensor& pixels : augmented({.flip = true}, 1, at::arange(1000)).split(1)) {
    EXPECT_TRUE(pixels.equal(image_five()) || pixels.equal(mirrored));
    if (pixels.equal(mirrored)) ++flips;
  }
  EXPECT_NEAR(flips, 500, 64) << "four standard deviations";
}

TEST(Augmentation, DependsOnlyOnSeedAndPosition) {
  const AugmentationOptions options{.resize_crop = 1.5, .flip = true};
  const at::Tensor together = augmented(options, 1, at::arange(50));
  for (int64_t position = 0; position < 50; ++position) {
    EXPECT_TRUE(
        together[position].equal(augmented(options, 1, at::arange(position, position + 1))[0]))
        << "independent of the other images of the batch";
  }
  EXPECT_FALSE(together[0].equal(together[1]));
  EXPECT_FALSE(together.equal(augmented(options, 2, at::arange(50))));
}

}  // namespace
}  // namespace gm
