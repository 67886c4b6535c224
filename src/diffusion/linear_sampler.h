/// Samplers whose reverse step is a linear combination of the noisy image, the expected clean
/// image, that of the step before, and noise. Most samplers are of this form, and differ only in
/// the factors.
#pragma once

#include <vector>

#include "diffusion/sampler.h"

namespace gm {

/// The factors of each step k of a schedule, in double precision:
///
///     x_{k-1} = x0 * D + xt * x_k + deviation * noise,
///     D = x_0(k) + extrapolation * (x_0(k) - x_0(k + 1)),
///
/// where x_0(k) are the clean images that are expected in step k.
struct LinearSteps {
  std::vector<double> x0, xt, deviation, extrapolation;
};

/// Draws from the posterior q(x_{k-1} | x_k, x_0). Ho et al., "Denoising diffusion probabilistic
/// models", 2020, equation 7. With fewer steps than timesteps, that of the respaced process: Nichol
/// and Dhariwal, "Improved denoising diffusion probabilistic models", 2021, section 4.
LinearSteps ancestral_steps(const NoiseSchedule& schedule);

/// Song, Meng, Ermon, "Denoising diffusion implicit models", 2021, equations 12 and 16. With `eta`
/// = 0 no noise is added, and the step has order 1; `eta` = 1 is the ancestral sampler. The noise
/// in x_k follows from the expected clean image, after it has been clamped.
LinearSteps ddim_steps(const NoiseSchedule& schedule, double eta);

/// DPM-Solver++(2M): Lu et al., "DPM-Solver++: Fast solver for guided sampling of diffusion
/// probabilistic models", 2022, algorithm 2. The order is 2. The first step has none before it, and
/// the last one leads to images without noise, where the extrapolation would be infinite: both have
/// order 1.
LinearSteps dpm_solver_steps(const NoiseSchedule& schedule);

class LinearSampler final : public Sampler {
 public:
  LinearSampler(NoiseSchedule schedule, const LinearSteps& factors, at::Device device = at::kCPU);

  void step(const Denoise& denoise, int64_t k, const StepNoise& noise,
            SamplingState& state) const override;

 private:
  std::vector<bool> adds_noise_, extrapolates_;     // [steps]
  at::Tensor x0_, xt_, deviation_, extrapolation_;  // [steps] on the device
};

}  // namespace gm
