/// Classifier-free guidance: a network that learns images both with and without their class, and
/// samples in which the difference between the two is larger. Ho and Salimans, "Classifier-free
/// diffusion guidance", 2022.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "diffusion/diffusion_config.h"
#include "diffusion/gaussian_diffusion.h"
#include "diffusion/sampler_config.h"

namespace gm {

/// Throws InputError, with the key and values that work, unless sampler.class and sampler.guidance
/// fit a model that is trained with `diffusion`, which must let it learn classes if it is given
/// them. Does not know the number of classes.
void check_guidance(const SamplerConfig& sampler, const DiffusionConfig& diffusion);

/// Which labels training drops.
struct LabelDropout {
  uint64_t seed;
  double probability;  ///< 0 .. 1
  int64_t null_class;  ///< Takes the place of a dropped label.
};

/// `labels` (int64 [n] on the CPU), some of them replaced by the null class. Whether a label is
/// dropped depends on the seed and the sample's global position (`positions`, int64 [n] on the CPU)
/// alone (Stream::kLabelDropout).
at::Tensor drop_labels(const at::Tensor& labels, const at::Tensor& positions,
                       const LabelDropout& dropout);

/// A network whose output is unconditional + scale * (conditional - unconditional): equation 6 of
/// the paper, whose w is `scale` - 1. With the guidance scale 1, it is `conditional` itself, and
/// one evaluation is enough.
///
/// It does not matter what the networks predict. At the same x and t, noise, clean image and
/// velocity are affine functions of each other, and the two factors have the sum 1. So they can be
/// applied to any of the three.
DiffusionNetwork guided(DiffusionNetwork conditional, DiffusionNetwork unconditional, double scale);

}  // namespace gm
