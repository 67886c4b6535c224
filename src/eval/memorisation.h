/// Whether a model copies its training images.
#pragma once

#include <ATen/core/Tensor.h>

namespace gm {

/// The distances of samples to their nearest training images, compared with those of held-out
/// images, which a model that copies nothing equals (Meehan, Chaudhuri, Dasgupta, "A non-parametric
/// test to detect data-copying in generative models", 2020).
struct Memorisation {
  double ratio = 0;  ///< Median of the samples' distances, divided by that of held-out images.
  /// The fraction of the samples that are as near to a training image as the nearest
  /// kNearHeldOut of the held-out images.
  double near = 0;
};

/// A model that copies nothing makes this fraction of near samples.
inline constexpr double kNearHeldOut = 0.05;
/// From this fraction of near samples on, a model is said to copy. In the features of lite0, photos
/// of 32 x 32 had 0.05 (unseen), 0.12 (unseen and blurred), 0.6 (copies with noise of 4 of 255
/// levels) and 1 (exact, slightly blurred or mirrored copies).
inline constexpr double kNearOfCopier = 0.25;

/// Of distances to the nearest training images, float64 [n] and [m], n and m at least 1. Throws
/// InputError if held-out images have no distance, because they are training images.
Memorisation memorisation(const at::Tensor& of_samples, const at::Tensor& of_held_out);

}  // namespace gm
