/// What the output of a diffusion network means: the noise, the clean image, or the velocity.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>

#include "diffusion/noise_levels.h"

namespace gm {

/// All images are float [N,C,H,W]; `t` is int64 [N].
class Prediction {
 public:
  virtual ~Prediction() = default;
  /// The output that the network learns for levels.add_noise(x0, t, noise).
  virtual at::Tensor target(const NoiseLevels& levels, const at::Tensor& x0, const at::Tensor& t,
                            const at::Tensor& noise) const = 0;
  /// The clean image that `output` means for the input `x`. Not clamped.
  virtual at::Tensor x0(const NoiseLevels& levels, const at::Tensor& x, const at::Tensor& t,
                        const at::Tensor& output) const = 0;
};

/// The prediction of diffusion.prediction:
/// * "noise": Ho et al., 2020.
/// * "x0": the clean image.
/// * "velocity": signal * noise - noise level * x0. Salimans and Ho, "Progressive distillation for
///   fast sampling of diffusion models", 2022, appendix D.
/// Throws InputError for another name.
std::unique_ptr<Prediction> make_prediction(const std::string& name);

}  // namespace gm
