/// What the output of a diffusion network means: the noise, the clean image, or the velocity.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "diffusion/diffusion_config.h"
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
  /// The squared error of the clean image that a squared error of 1 of the output means, where the
  /// ratio of signal to noise, alpha_bar / (1 - alpha_bar), is `snr`.
  virtual double x0_error(double snr) const = 0;
};

/// The prediction of diffusion.prediction:
/// * noise: Ho et al., 2020.
/// * x0: the clean image.
/// * velocity: signal * noise - noise level * x0. Salimans and Ho, "Progressive distillation for
///   fast sampling of diffusion models", 2022, appendix D.
std::unique_ptr<Prediction> make_prediction(PredictionKind kind);

}  // namespace gm
