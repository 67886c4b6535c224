/// The noise schedule: how much of the image is left after each diffusion step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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

  int64_t steps() const { return static_cast<int64_t>(beta.size()); }
};

/// The schedule of Nichol and Dhariwal, "Improved denoising diffusion probabilistic models", 2021,
/// equation 17: alpha_bar falls as a squared cosine, no step has a beta above 0.999.
/// Throws InputError if `steps` is not positive.
NoiseSchedule cosine_schedule(int64_t steps);

/// The schedule of diffusion.schedule. Throws InputError for another name.
NoiseSchedule make_noise_schedule(const std::string& name, int64_t steps);

}  // namespace gm
