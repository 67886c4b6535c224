#include "diffusion/noise_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace gm {

namespace {

/// Computes everything that follows from `beta`.
NoiseSchedule schedule_of(std::vector<double> beta) {
  NoiseSchedule schedule;
  double alpha_bar_before = 1.0;
  for (const double b : beta) {
    const double alpha = 1.0 - b;
    const double alpha_bar = alpha_bar_before * alpha;
    schedule.alpha_bar.push_back(alpha_bar);
    schedule.posterior_x0.push_back(b * std::sqrt(alpha_bar_before) / (1.0 - alpha_bar));
    schedule.posterior_xt.push_back((1.0 - alpha_bar_before) * std::sqrt(alpha) /
                                    (1.0 - alpha_bar));
    schedule.posterior_variance.push_back(b * (1.0 - alpha_bar_before) / (1.0 - alpha_bar));
    alpha_bar_before = alpha_bar;
  }
  schedule.beta = std::move(beta);
  return schedule;
}

}  // namespace

NoiseSchedule cosine_schedule(int64_t steps) {
  if (steps < 1) throw InputError("diffusion.steps is {}: at least 1 is needed", steps);
  // The offset keeps the noise of the first steps from being too small.
  constexpr double kOffset = 0.008;
  constexpr double kLargestBeta = 0.999;
  const auto alpha_bar = [&](int64_t t) {
    const double time = (static_cast<double>(t) / static_cast<double>(steps) + kOffset);
    const double cosine = std::cos(time / (1.0 + kOffset) * std::numbers::pi * 0.5);
    return cosine * cosine;
  };
  std::vector<double> beta;
  for (int64_t t = 0; t < steps; ++t) {
    beta.push_back(std::clamp(1.0 - alpha_bar(t + 1) / alpha_bar(t), 0.0, kLargestBeta));
  }
  return schedule_of(std::move(beta));
}

NoiseSchedule make_noise_schedule(const std::string& name, int64_t steps) {
  if (name == "cosine") return cosine_schedule(steps);
  throw InputError("diffusion.schedule is \"{}\": there is only cosine", name);
}

}  // namespace gm
