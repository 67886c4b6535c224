/// What a task offers that generates images from noise, step by step: the process that it has
/// learned to reverse.
#pragma once

#include "diffusion/gaussian_diffusion.h"
#include "tasks/image_generator.h"

namespace gm {

class DiffusionProcess : public ImageGenerator {
 public:
  virtual const GaussianDiffusion& diffusion() const = 0;
  /// The noise of the sampling loop that makes the images of `request`.
  virtual NoiseSource noise(const SampleRequest& request) const = 0;
  /// The clean images that the model expects for noisy images of the classes `labels` (int64 [n] on
  /// the CPU; undefined if the classes are not known). Valid as long as this object.
  virtual Denoise denoiser(const at::Tensor& labels) = 0;
};

}  // namespace gm
