/// The diffusion process on images: adding noise (training) and removing it (sampling).
///
/// All images are float [N,C,H,W] in [-1, 1]. Nothing here draws a random number: noise and
/// timesteps are arguments, so that a test can inject them and a run can key them by sample.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "diffusion/diffusion_config.h"
#include "diffusion/noise_schedule.h"

namespace gm {

/// The network: predicts the noise in `x` [N,C,H,W] at the timesteps `t` (int64 [N]).
using NoisePredictor = std::function<at::Tensor(const at::Tensor& x, const at::Tensor& t)>;

/// Standard normal noise [N,C,H,W] for one use in the sampling loop. `draw` = T asks for the
/// image that the loop starts from, `draw` = t for the noise that the reverse step at t adds.
using NoiseSource = std::function<at::Tensor(int64_t draw)>;

/// Called after the reverse step at `t` with the image x_{t-1}. To leave the loop early, throw.
using StepCallback = std::function<void(int64_t t, const at::Tensor& x)>;

class GaussianDiffusion {
 public:
  struct Posterior {
    at::Tensor mean;      ///< [N,C,H,W]
    at::Tensor variance;  ///< [N,1,1,1]
  };

  /// Throws InputError if `config` is invalid.
  explicit GaussianDiffusion(const DiffusionConfig& config, at::Device device = at::kCPU);

  int64_t steps() const { return schedule_.steps(); }
  const NoiseSchedule& schedule() const { return schedule_; }

  /// x_t: the images `x0` with the noise of timestep `t` (int64 [N], 0 .. T - 1) added.
  at::Tensor q_sample(const at::Tensor& x0, const at::Tensor& t, const at::Tensor& noise) const;

  /// Mean absolute error between `noise` and the prediction of `network` for
  /// q_sample(x0, t, noise): a scalar with a gradient.
  at::Tensor loss(const NoisePredictor& network, const at::Tensor& x0, const at::Tensor& t,
                  const at::Tensor& noise) const;

  /// The image that remains after `predicted_noise` is removed from `x` = x_t. Not clamped.
  at::Tensor predict_x0(const at::Tensor& x, const at::Tensor& t,
                        const at::Tensor& predicted_noise) const;

  /// Mean and variance of q(x_{t-1} | x_t, x_0).
  Posterior posterior(const at::Tensor& x0, const at::Tensor& x, const at::Tensor& t) const;

  /// x_{t-1} from `x` = x_t. `noise` is ignored (and may be undefined) at t = 0.
  at::Tensor reverse_step(const NoisePredictor& network, const at::Tensor& x, int64_t t,
                          const at::Tensor& noise) const;

  /// New images with the shape of the output of `noise`, in [-1, 1] if clamped. Runs without
  /// gradients. `on_step` may be empty.
  at::Tensor sample(const NoisePredictor& network, const NoiseSource& noise,
                    const StepCallback& on_step = {}) const;

 private:
  NoiseSchedule schedule_;
  bool clamp_;
  /// The schedule's factors as float32 [T] tensors on the device.
  at::Tensor sqrt_alpha_bar_;
  at::Tensor sqrt_one_minus_alpha_bar_;
  at::Tensor sqrt_inverse_alpha_bar_;
  at::Tensor sqrt_inverse_alpha_bar_minus_one_;
  at::Tensor posterior_x0_;
  at::Tensor posterior_xt_;
  at::Tensor posterior_variance_;
  at::Tensor posterior_deviation_;
};

}  // namespace gm
