/// How near images that were filled come to their originals, and how sharp they are.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace gm {

/// Least height and width of images that are measured: SSIM's window must fit.
inline constexpr int64_t kSmallestMeasuredSide = 11;
/// What PSNR is at most, in decibels, so that means over images stay finite where one is perfect.
inline constexpr double kLargestPsnr = 100.0;

/// Differences between an image and its original, both with values from 0 to 1.
struct ReconstructionMetrics {
  /// Peak signal-to-noise ratio in decibels: -10 log10 of the mean squared difference.
  double psnr = 0;
  /// Mean structural similarity (Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from
  /// error visibility to structural similarity", 2004): Gaussian window of 11 x 11 with sigma 1.5,
  /// K1 = 0.01, K2 = 0.03, channel by channel.
  double ssim = 0;
  /// Mean absolute difference.
  double l1 = 0;
};

/// The measures of one image.
struct ImageMetrics {
  double missing = 0;  ///< Fraction of the image that was missing.
  /// Over the whole image. SSIM as scikit-image's: the mean over windows that lie within it.
  ReconstructionMetrics whole;
  /// Over the missing pixels alone. SSIM is the mean of the windows around them; where such a
  /// window reaches over the border, the image is mirrored there.
  ReconstructionMetrics masked;
  /// Sum of the squared differences between neighbours, left and right, up and down, that were both
  /// missing. An image is as sharp as its original where it equals original_gradient_energy. Of
  /// many images, sum both before dividing: a smooth original's may be next to nothing.
  double gradient_energy = 0;
  double original_gradient_energy = 0;
};

/// The measures of each image, in float64, none depending on those beside it. `images` and
/// `originals`: float [n,C,H,W] in [-1,1] (values outside are clamped); `masks`: [n,1,H,W], 1 where
/// a pixel was missing, at least once in each image. Throws InputError when the images are
/// smaller than kSmallestMeasuredSide, Error when shapes differ.
std::vector<ImageMetrics> image_metrics(const at::Tensor& images, const at::Tensor& originals,
                                        const at::Tensor& masks);

/// Throws InputError when images of this size are too small for image_metrics().
void require_measurable(int64_t height, int64_t width);

}  // namespace gm
