/// How near pictures that were filled come to their originals, and how sharp they are.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace gm {

/// Least height and width of pictures that are measured: SSIM's window must fit.
inline constexpr int64_t kSmallestMeasuredSide = 11;
/// What PSNR is at most, in decibels, so that means over pictures stay finite where one is perfect.
inline constexpr double kLargestPsnr = 100.0;

/// Differences between a picture and its original, both with values from 0 to 1.
struct Closeness {
  /// Peak signal-to-noise ratio in decibels: -10 log10 of the mean squared difference.
  double psnr = 0;
  /// Mean structural similarity (Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from
  /// error visibility to structural similarity", 2004): Gaussian window of 11 x 11 with sigma 1.5,
  /// K1 = 0.01, K2 = 0.03, channel by channel.
  double ssim = 0;
  /// Mean absolute difference.
  double l1 = 0;
};

/// The measures of one picture.
struct PictureQuality {
  double missing = 0;  ///< Fraction of the picture that was missing.
  /// Over the whole picture. SSIM as scikit-image's: the mean over windows that lie within it.
  Closeness whole;
  /// Over the missing pixels alone. SSIM is the mean of the windows around them; where such a
  /// window reaches over the border, the picture is mirrored there.
  Closeness hole;
  /// Sum of the squared differences between neighbours, left and right, up and down, that were both
  /// missing. A picture is as sharp as its original where it equals original_gradient_energy. Of
  /// many pictures, sum both before dividing: a smooth original's may be next to nothing.
  double gradient_energy = 0;
  double original_gradient_energy = 0;
};

/// The measures of each picture, in float64, none depending on those beside it. `pictures` and
/// `originals`: float [n,C,H,W] in [-1,1] (values outside are clamped); `masks`: [n,1,H,W], 1 where
/// a pixel was missing, at least once in each picture. Throws InputError when the pictures are
/// smaller than kSmallestMeasuredSide, Error when shapes differ.
std::vector<PictureQuality> picture_quality(const at::Tensor& pictures, const at::Tensor& originals,
                                            const at::Tensor& masks);

/// Throws InputError when pictures of this size are too small for picture_quality().
void require_measurable(int64_t height, int64_t width);

}  // namespace gm
