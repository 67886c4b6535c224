/// The diffusion process on images: how a network is trained to remove noise. It is put together
/// from a noise schedule, a prediction, a loss weight and a sampler (noise_schedule.h,
/// prediction.h, loss_weight.h, sampler.h), which do not know each other's kinds.
///
/// All images are float [N,C,H,W] in [-1, 1]. Nothing here draws a random number: noise and
/// timesteps are arguments, so that a test can inject them and a run can key them by sample.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "diffusion/diffusion_config.h"
#include "diffusion/noise_levels.h"
#include "diffusion/noise_schedule.h"
#include "diffusion/prediction.h"
#include "diffusion/sampler.h"
#include "diffusion/sampler_config.h"

namespace gm {

/// The network: its output for `x` [N,C,H,W] at the timesteps `t` (int64 [N]).
using DiffusionNetwork = std::function<at::Tensor(const at::Tensor& x, const at::Tensor& t)>;

class GaussianDiffusion {
 public:
  /// Throws InputError if `config` or `sampler` is invalid.
  explicit GaussianDiffusion(const DiffusionConfig& config, const SamplerConfig& sampler = {},
                             at::Device device = at::kCPU);
  // denoise_by() refers to this object.
  GaussianDiffusion(const GaussianDiffusion&) = delete;
  GaussianDiffusion& operator=(const GaussianDiffusion&) = delete;

  int64_t steps() const { return schedule_.steps(); }
  const NoiseSchedule& schedule() const { return schedule_; }
  const NoiseLevels& levels() const { return levels_; }
  const Sampler& sampler() const { return *sampler_; }

  /// The error of the output of `network` for levels().add_noise(x0, t, noise), as diffusion.loss
  /// measures it, weighted by diffusion.loss_weight: a scalar with a gradient.
  at::Tensor loss(const DiffusionNetwork& network, const at::Tensor& x0, const at::Tensor& t,
                  const at::Tensor& noise) const;
  /// The same for each image: [N].
  at::Tensor losses(const DiffusionNetwork& network, const at::Tensor& x0, const at::Tensor& t,
                    const at::Tensor& noise) const;

  /// The clean images that `network` predicts, in [-1, 1] if diffusion.clamp. Valid as long as this
  /// object.
  Denoise denoise_by(DiffusionNetwork network) const;

 private:
  /// What the network predicts, what it should, and how much each image counts; undefined: 1.
  struct Predicted {
    at::Tensor output, target, weights;
  };
  Predicted predict(const DiffusionNetwork& network, const at::Tensor& x0, const at::Tensor& t,
                    const at::Tensor& noise) const;

  NoiseSchedule schedule_;
  NoiseLevels levels_;
  std::unique_ptr<Prediction> prediction_;
  std::unique_ptr<Sampler> sampler_;
  DiffusionLoss loss_;
  at::Tensor loss_weights_;  // [T]; undefined if all are 1
  bool clamp_;
};

}  // namespace gm
