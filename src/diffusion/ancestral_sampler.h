/// The sampler of Ho et al., 2020: each step draws from the posterior q(x_{t-1} | x_t, x_0).
#pragma once

#include "diffusion/noise_schedule.h"
#include "diffusion/sampler.h"

namespace gm {

class AncestralSampler final : public Sampler {
 public:
  struct Posterior {
    at::Tensor mean;      ///< [N,C,H,W]
    at::Tensor variance;  ///< [N,1,1,1]
  };

  explicit AncestralSampler(const NoiseSchedule& schedule, at::Device device = at::kCPU);

  int64_t steps() const override { return mean_x0_.size(0); }
  at::Tensor step(const Denoise& denoise, const at::Tensor& x, int64_t t,
                  const at::Tensor& noise) const override;
  /// Mean and variance of q(x_{t-1} | x_t = x, x_0). `t` is int64 [N].
  Posterior posterior(const at::Tensor& x0, const at::Tensor& x, const at::Tensor& t) const;

 private:
  at::Tensor mean_x0_, mean_xt_, variance_, deviation_;  // [T]
};

}  // namespace gm
