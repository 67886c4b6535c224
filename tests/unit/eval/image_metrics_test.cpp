// The metrics of inpainted images: closed forms, independence of the batch, bad input.
#include "eval/image_metrics.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "support/expect_error.h"

namespace gm {
namespace {

at::Tensor image_quality_noise(int64_t count, int64_t channels, int64_t height, int64_t width) {
  return at::rand({count, channels, height, width}) * 2 - 1;
}

/// Masks that cover the left `columns`.
at::Tensor left_missing(int64_t count, int64_t height, int64_t width, int64_t columns) {
  at::Tensor masks = at::zeros({count, 1, height, width});
  masks.narrow(3, 0, columns).fill_(1);
  return masks;
}

TEST(ImageMetrics, AreBestForAPerfectImage) {
  const at::Tensor images = image_quality_noise(2, 3, 12, 14);
  for (const auto& quality : image_metrics(images, images, left_missing(2, 12, 14, 3))) {
    for (const ReconstructionMetrics& metrics : {quality.whole, quality.masked}) {
      EXPECT_EQ(metrics.psnr, kLargestPsnr);
      EXPECT_NEAR(metrics.ssim, 1.0, 1e-12);
      EXPECT_EQ(metrics.l1, 0.0);
    }
    EXPECT_EQ(quality.gradient_energy, quality.original_gradient_energy);
    EXPECT_GT(quality.gradient_energy, 0.0);
  }
}

TEST(ImageMetrics, AConstantDifferenceHasAClosedForm) {
  // The masked pixels of a constant image are lighter by 0.2: by 0.1 on the scale from 0 to 1.
  const at::Tensor originals = at::full({1, 3, 16, 32}, 0.2);
  const at::Tensor masks = left_missing(1, 16, 32, 8);
  const auto quality = image_metrics(originals + 0.2 * masks, originals, masks).at(0);
  EXPECT_NEAR(quality.missing, 0.25, 1e-12);
  EXPECT_NEAR(quality.masked.l1, 0.1, 1e-6);
  EXPECT_NEAR(quality.whole.l1, 0.025, 1e-6);
  EXPECT_NEAR(quality.masked.psnr, 20.0, 1e-4);
  EXPECT_NEAR(quality.whole.psnr, 20.0 + 10 * std::log10(4.0), 1e-4);
  EXPECT_EQ(quality.gradient_energy, 0.0);
  EXPECT_EQ(quality.original_gradient_energy, 0.0);
}

TEST(ImageMetrics, SsimOfConstantImagesIsTheLuminanceTerm) {
  const at::Tensor a = at::full({1, 1, 11, 11}, 0.0), b = at::full({1, 1, 11, 11}, 0.5);
  const auto quality = image_metrics(a, b, at::ones({1, 1, 11, 11})).at(0);
  const double expected = (2 * 0.5 * 0.75 + 1e-4) / (0.5 * 0.5 + 0.75 * 0.75 + 1e-4);
  EXPECT_NEAR(quality.masked.ssim, expected, 1e-9);
  EXPECT_NEAR(quality.whole.ssim, expected, 1e-9);
}

TEST(ImageMetrics, GradientEnergyCountsOnlyMaskedPixels) {
  // Columns alternate between 0 and 1 on the scale of the metrics. Three columns are masked, so
  // each row has two differences of 1. There are two channels.
  at::Tensor originals = at::full({1, 2, 11, 12}, -1.0);
  originals.slice(3, 1, 12, 2).fill_(1);
  const at::Tensor masks = left_missing(1, 11, 12, 3);
  const auto quality = image_metrics(originals * 0.5, originals, masks).at(0);
  EXPECT_DOUBLE_EQ(quality.original_gradient_energy, 2 * 11 * 2);
  EXPECT_DOUBLE_EQ(quality.gradient_energy, 2 * 11 * 2 * 0.25);
  // Differences between rows count in the same way.
  const auto turned =
      image_metrics(originals.transpose(2, 3), originals.transpose(2, 3), masks.transpose(2, 3))
          .at(0);
  EXPECT_DOUBLE_EQ(turned.gradient_energy, 2 * 11 * 2);
}

TEST(ImageMetrics, DoNotDependOnOtherImagesOfTheBatch) {
  const at::Tensor originals = image_quality_noise(5, 3, 16, 16),
                   images = image_quality_noise(5, 3, 16, 16);
  const at::Tensor masks = (at::rand({5, 1, 16, 16}) > 0.5).to(at::kFloat);
  const auto together = image_metrics(images, originals, masks);
  for (int64_t i = 0; i < 5; ++i) {
    const auto alone =
        image_metrics(images.narrow(0, i, 1), originals.narrow(0, i, 1), masks.narrow(0, i, 1))
            .at(0);
    const auto& beside = together[static_cast<size_t>(i)];
    EXPECT_EQ(alone.whole.ssim, beside.whole.ssim);
    EXPECT_EQ(alone.masked.psnr, beside.masked.psnr);
    EXPECT_EQ(alone.masked.l1, beside.masked.l1);
    EXPECT_EQ(alone.gradient_energy, beside.gradient_energy);
  }
}

TEST(ImageMetrics, AcceptImagesOfAnyLayoutAndClampThem) {
  const at::Tensor originals = image_quality_noise(2, 3, 16, 12),
                   images = 2 * image_quality_noise(2, 3, 16, 12);
  const at::Tensor masks = left_missing(2, 16, 12, 4);
  const auto plain = image_metrics(images.clamp(-1, 1), originals, masks).at(1);
  const auto other =
      image_metrics(images.contiguous(at::MemoryFormat::ChannelsLast), originals, masks).at(1);
  EXPECT_EQ(plain.whole.l1, other.whole.l1);
  EXPECT_EQ(plain.masked.ssim, other.masked.ssim);
}

TEST(ImageMetrics, RefuseSmallImagesAndInvalidMasks) {
  expect_error<InputError>(
      [] {
        image_metrics(image_quality_noise(1, 3, 10, 32), image_quality_noise(1, 3, 10, 32),
                      at::ones({1, 1, 10, 32}));
      },
      ::testing::HasSubstr("32 x 10 pixels are too small"));
  EXPECT_NO_THROW(require_measurable(11, 11));
  EXPECT_THROW(image_metrics(image_quality_noise(1, 3, 16, 16), image_quality_noise(1, 3, 16, 16),
                             at::ones({1, 3, 16, 16})),
               Error);
}

}  // namespace
}  // namespace gm
