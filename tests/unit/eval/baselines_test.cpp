// Baselines without training: closed forms, and properties of harmonic functions.
#include "eval/baselines.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

namespace gm {
namespace {

at::Tensor fills_noise(int64_t count, int64_t channels, int64_t height, int64_t width) {
  return at::rand({count, channels, height, width}) * 2 - 1;
}

at::Tensor random_masks(int64_t count, int64_t height, int64_t width, double missing) {
  at::Tensor masks = (at::rand({count, 1, height, width}) < missing).to(at::kFloat);
  masks.select(2, 0).select(2, 0).fill_(0);  // one pixel is known
  return masks;
}

using Fill = at::Tensor (*)(const at::Tensor&, const at::Tensor&);

class Baselines : public ::testing::TestWithParam<Fill> {};
INSTANTIATE_TEST_SUITE_P(All, Baselines,
                         ::testing::Values(inpaint_with_mean, inpaint_harmonically));

TEST_P(Baselines, KeepKnownPixelsExactly) {
  const at::Tensor images = fills_noise(4, 3, 9, 13), masks = random_masks(4, 9, 13, 0.6);
  const at::Tensor known = (masks < 0.5).expand_as(images);
  EXPECT_TRUE(
      at::equal(GetParam()(images, masks).masked_select(known), images.masked_select(known)));
}

TEST_P(Baselines, IgnoreMaskedPixels) {
  const at::Tensor images = fills_noise(2, 3, 8, 8), masks = random_masks(2, 8, 8, 0.5);
  const at::Tensor hidden =
      images.masked_fill(masks > 0.5, std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(at::equal(GetParam()(hidden, masks), GetParam()(images, masks)));
}

TEST_P(Baselines, StayBetweenTheKnownValues) {
  for (const double missing : {0.2, 0.7, 0.98}) {
    const at::Tensor images = fills_noise(8, 1, 17, 12), masks = random_masks(8, 17, 12, missing);
    const at::Tensor filled = GetParam()(images, masks);
    for (int64_t i = 0; i < 8; ++i) {
      const at::Tensor known = images[i].masked_select(masks[i] < 0.5);
      EXPECT_LE(filled[i].max().item<double>(), known.max().item<double>() + 1e-6);
      EXPECT_GE(filled[i].min().item<double>(), known.min().item<double>() - 1e-6);
    }
  }
}

TEST_P(Baselines, DoNotDependOnOtherImagesOfTheBatch) {
  const at::Tensor images = fills_noise(3, 3, 8, 8), masks = random_masks(3, 8, 8, 0.5);
  EXPECT_TRUE(at::equal(GetParam()(images, masks)[1],
                        GetParam()(images.narrow(0, 1, 1), masks.narrow(0, 1, 1))[0]));
}

TEST_P(Baselines, AcceptImagesOfAnyLayout) {
  const at::Tensor images = fills_noise(2, 3, 8, 6), masks = random_masks(2, 8, 6, 0.5);
  EXPECT_TRUE(at::equal(GetParam()(images.contiguous(at::MemoryFormat::ChannelsLast), masks),
                        GetParam()(images, masks)));
}

TEST(InpaintWithMean, IsTheMeanOfTheKnownPixelsOfEachChannel) {
  at::Tensor images = at::zeros({1, 2, 2, 2});
  images[0][0][0][0] = 0.5;
  images[0][1][1][1] = -0.8;
  at::Tensor masks = at::zeros({1, 1, 2, 2});
  masks[0][0][0][1] = 1;
  masks[0][0][1][0] = 1;
  const at::Tensor filled = inpaint_with_mean(images, masks);
  EXPECT_FLOAT_EQ(filled[0][0][0][1].item<float>(), 0.25F);
  EXPECT_FLOAT_EQ(filled[0][1][1][0].item<float>(), -0.4F);
}

TEST(InpaintHarmonically, ContinuesALinearRamp) {
  // x + y is harmonic; the masked area does not touch the border, where the slope would have to
  // vanish.
  const at::Tensor ramp =
      at::linspace(-1, 0, 20).view({1, 20}) + at::linspace(0, 1, 15).view({15, 1});
  const at::Tensor images = ramp.expand({1, 3, 15, 20}).contiguous();
  at::Tensor masks = at::zeros({1, 1, 15, 20});
  masks.narrow(2, 3, 9).narrow(3, 2, 14).fill_(1);
  const at::Tensor filled = inpaint_harmonically(images.masked_fill(masks > 0.5, 0), masks);
  EXPECT_LE((filled - images).abs().max().item<double>(), 1e-6);
}

TEST(InpaintHarmonically, IsConstantBetweenKnownPixelsAndTheBorder) {
  // The right part is masked. The border reflects, so an image whose columns are constant is
  // continued with the last known value.
  at::Tensor images = at::linspace(-1, 1, 8).view({1, 1, 1, 8}).expand({1, 1, 6, 8}).contiguous();
  at::Tensor masks = at::zeros({1, 1, 6, 8});
  masks.narrow(3, 5, 3).fill_(1);
  const at::Tensor filled = inpaint_harmonically(images, masks);
  EXPECT_LE((filled.narrow(3, 5, 3) - images[0][0][0][4]).abs().max().item<double>(), 1e-6);
}

TEST(InpaintHarmonically, SolvesALargeMaskWithOneKnownPixel) {
  const at::Tensor masks = random_masks(1, 200, 100, 2.0);
  const at::Tensor images = at::full({1, 1, 200, 100}, 0.25);
  EXPECT_LE((inpaint_harmonically(images, masks) - 0.25).abs().max().item<double>(), 1e-5);
}

}  // namespace
}  // namespace gm
