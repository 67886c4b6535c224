#include "diffusion/noise_schedule.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numbers>
#include <numeric>

#include "base/error.h"

namespace gm {

namespace {

constexpr double kLargestBeta = 0.999;

/// Computes everything that follows from `beta`.
NoiseSchedule schedule_of(std::vector<double> beta, std::vector<int64_t> timesteps) {
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
  schedule.timesteps = std::move(timesteps);
  return schedule;
}

/// The schedule of all timesteps with the betas `beta_at(t)`.
NoiseSchedule schedule_of(int64_t steps, const std::function<double(int64_t t)>& beta_at) {
  if (steps < 1) throw InputError("diffusion.steps is {}: at least 1 is needed", steps);
  std::vector<double> beta;
  for (int64_t t = 0; t < steps; ++t) {
    beta.push_back(std::clamp(beta_at(t), 0.0, kLargestBeta));
  }
  std::vector<int64_t> timesteps(beta.size());
  std::iota(timesteps.begin(), timesteps.end(), 0);
  return schedule_of(std::move(beta), std::move(timesteps));
}

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

struct ScheduleEntry {
  NoiseScheduleKind kind;
  NoiseSchedule (*make)(int64_t steps);
};

/// All schedules: a new one needs a function, an entry here, and its name in diffusion_config.h.
constexpr std::array kSchedules{
    ScheduleEntry{NoiseScheduleKind::kCosine, cosine_schedule},
    ScheduleEntry{NoiseScheduleKind::kLinear, linear_schedule},
    ScheduleEntry{NoiseScheduleKind::kSigmoid, sigmoid_schedule},
};

}  // namespace

NoiseSchedule cosine_schedule(int64_t steps) {
  // The offset keeps the noise of the first steps from being too small.
  constexpr double kOffset = 0.008;
  const auto alpha_bar = [&](int64_t t) {
    const double time = (static_cast<double>(t) / static_cast<double>(steps) + kOffset);
    const double cosine = std::cos(time / (1.0 + kOffset) * std::numbers::pi * 0.5);
    return cosine * cosine;
  };
  return schedule_of(steps, [&](int64_t t) { return 1.0 - alpha_bar(t + 1) / alpha_bar(t); });
}

NoiseSchedule linear_schedule(int64_t steps) {
  constexpr double kFirst = 1e-4, kLast = 0.02;
  const double scale = 1000.0 / static_cast<double>(steps);
  const double last = static_cast<double>(std::max<int64_t>(steps - 1, 1));
  return schedule_of(steps, [&](int64_t t) {
    return scale * (kFirst + (kLast - kFirst) * static_cast<double>(t) / last);
  });
}

NoiseSchedule sigmoid_schedule(int64_t steps) {
  constexpr double kStart = -3, kEnd = 3;
  const auto alpha_bar = [&](int64_t t) {
    const double time = static_cast<double>(t) / static_cast<double>(steps);
    return (sigmoid(kEnd) - sigmoid(time * (kEnd - kStart) + kStart)) /
           (sigmoid(kEnd) - sigmoid(kStart));
  };
  return schedule_of(steps, [&](int64_t t) { return 1.0 - alpha_bar(t + 1) / alpha_bar(t); });
}

NoiseSchedule make_noise_schedule(NoiseScheduleKind kind, int64_t steps) {
  return std::ranges::find(kSchedules, kind, &ScheduleEntry::kind)->make(steps);
}

NoiseSchedule respaced(const NoiseSchedule& schedule, const std::vector<int64_t>& timesteps) {
  std::vector<double> beta;
  int64_t before = -1;
  for (const int64_t t : timesteps) {
    const auto here = static_cast<size_t>(t);
    // Between neighbours, the ratio would be the same number with another rounding.
    const bool are_neighbours = before + 1 == t;
    const double alpha_bar_before =
        before < 0 ? 1.0 : schedule.alpha_bar[static_cast<size_t>(before)];
    beta.push_back(are_neighbours ? schedule.beta[here]
                                  : 1.0 - schedule.alpha_bar[here] / alpha_bar_before);
    before = t;
  }
  return schedule_of(std::move(beta), timesteps);
}

}  // namespace gm
