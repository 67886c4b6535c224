/// The noise schedule: how much of the image is left after each diffusion step.
#pragma once

#include <cstdint>
#include <vector>

#include "diffusion/diffusion_config.h"

namespace gm {

/// The factors of a diffusion of T steps, each a vector of T values for t = 0 .. T - 1, in double
/// precision. Names as in Ho et al., 2020: alpha_bar(t) is the running product of alpha(t), and the
/// forward process is q(x_t | x_0) = N(sqrt(alpha_bar) x_0, (1 - alpha_bar) I).
struct NoiseSchedule {
  std::vector<double> beta;
  std::vector<double> alpha_bar;
  /// q(x_{t-1} | x_t, x_0) = N(posterior_x0 * x_0 + posterior_xt * x_t, posterior_variance I).
  std::vector<double> posterior_x0;
  std::vector<double> posterior_xt;
  std::vector<double> posterior_variance;
  /// The timesteps that the network knows these levels by: 0 .. T - 1, or some of them after
  /// respaced().
  std::vector<int64_t> timesteps;

  int64_t steps() const { return static_cast<int64_t>(beta.size()); }
};

/// The schedule of Nichol and Dhariwal, "Improved denoising diffusion probabilistic models", 2021,
/// equation 17: alpha_bar falls as a squared cosine, no step has a beta above 0.999.
/// Throws InputError if `steps` is not positive.
NoiseSchedule cosine_schedule(int64_t steps);

/// The schedule of Ho et al., 2020: beta grows linearly. It goes from 1e-4 to 0.02 in 1000 steps;
/// with T steps, beta is larger by 1000 / T, so that as little of the image is left at the end. No
/// step has a beta above 0.999. Throws InputError if `steps` is not positive.
NoiseSchedule linear_schedule(int64_t steps);

/// The schedule of Jabri et al., "Scalable adaptive computation for iterative generation", 2023:
/// alpha_bar falls as a sigmoid from -3 to 3, scaled to [0, 1]. No step has a beta above 0.999.
/// Throws InputError if `steps` is not positive.
NoiseSchedule sigmoid_schedule(int64_t steps);

/// The schedule of diffusion.schedule. Throws InputError if `steps` is not positive.
NoiseSchedule make_noise_schedule(NoiseScheduleKind kind, int64_t steps);

/// The process that passes only `timesteps` (ascending, of 0 .. T - 1) of `schedule`: the same
/// alpha_bar, and the betas that follow from them. Nichol and Dhariwal, 2021, equation 19. With all
/// timesteps it equals `schedule` to the bit.
NoiseSchedule respaced(const NoiseSchedule& schedule, const std::vector<int64_t>& timesteps);

}  // namespace gm
