/// Metrics of inpainted images: the difference from their originals, and their sharpness.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace gm {

/// Minimum height and width of images that are measured: SSIM's window must fit.
inline constexpr int64_t kSmallestMeasuredSide = 11;
/// Maximum PSNR in decibels. It keeps means over images finite if one image is perfect.
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

/// The metrics of one image.
struct ImageMetrics {
  double missing = 0;  ///< Fraction of the image that is masked.
  /// Over the whole image. SSIM is that of scikit-image: the mean over windows inside the image.
  ReconstructionMetrics whole;
  /// Over the masked pixels only. SSIM is the mean of the windows around them. The image is
  /// mirrored where a window extends over the border.
  ReconstructionMetrics masked;
  /// Sum of the squared differences between horizontal and vertical neighbours that are both
  /// masked. An image is as sharp as its original if this is equal to original_gradient_energy. For
  /// many images, sum both before dividing: the value of a smooth original may be close to 0.
  double gradient_energy = 0;
  double original_gradient_energy = 0;
};

/// The metrics of each image, in float64, independent of the other images. `images` and
/// `originals`: float [n,C,H,W] in [-1,1] (values outside are clamped); `masks`: [n,1,H,W], 1 at
/// masked pixels, of which each image has at least one. Throws InputError if the images are smaller
/// than kSmallestMeasuredSide, Error if shapes differ.
std::vector<ImageMetrics> image_metrics(const at::Tensor& images, const at::Tensor& originals,
                                        const at::Tensor& masks);

/// Throws InputError if images of this size are too small for image_metrics().
void require_measurable(int64_t height, int64_t width);

}  // namespace gm
