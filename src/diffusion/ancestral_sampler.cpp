#include "diffusion/ancestral_sampler.h"

#include <ATen/ATen.h>

#include <cmath>

#include "diffusion/noise_levels.h"

namespace gm {

AncestralSampler::AncestralSampler(const NoiseSchedule& schedule, at::Device device)
    : mean_x0_(noise_table(schedule.posterior_x0, device)),
      mean_xt_(noise_table(schedule.posterior_xt, device)),
      variance_(noise_table(schedule.posterior_variance, device)),
      deviation_(noise_table(schedule.posterior_variance, device,
                             [](double variance) { return std::sqrt(variance); })) {}

AncestralSampler::Posterior AncestralSampler::posterior(const at::Tensor& x0, const at::Tensor& x,
                                                        const at::Tensor& t) const {
  return {at_timesteps(mean_x0_, t) * x0 + at_timesteps(mean_xt_, t) * x,
          at_timesteps(variance_, t)};
}

at::Tensor AncestralSampler::step(const Denoise& denoise, const at::Tensor& x, int64_t t,
                                  const at::Tensor& noise) const {
  const at::Tensor steps = at::full({x.size(0)}, t, x.options().dtype(at::kLong));
  const at::Tensor mean = posterior(denoise(x, steps), x, steps).mean;
  return t == 0 ? mean : mean + at_timesteps(deviation_, steps) * noise;
}

}  // namespace gm
