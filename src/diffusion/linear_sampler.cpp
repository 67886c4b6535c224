#include "diffusion/linear_sampler.h"

#include <ATen/ATen.h>

#include <cmath>

#include "diffusion/noise_levels.h"

namespace gm {
namespace {

std::vector<bool> where_not_zero(const std::vector<double>& values) {
  std::vector<bool> result;
  for (const double value : values) result.push_back(value != 0);
  return result;
}

/// The signal that is left after step `k`.
double alpha_bar_after(const NoiseSchedule& schedule, size_t k) {
  return k == 0 ? 1.0 : schedule.alpha_bar[k - 1];
}

/// Half the logarithm of the ratio of signal to noise: the time of DPM-Solver++.
double half_log_snr(double alpha_bar) { return 0.5 * std::log(alpha_bar / (1 - alpha_bar)); }

}  // namespace

LinearSteps ancestral_steps(const NoiseSchedule& schedule) {
  std::vector<double> deviation;
  for (const double variance : schedule.posterior_variance) {
    deviation.push_back(std::sqrt(variance));
  }
  return {.x0 = schedule.posterior_x0,
          .xt = schedule.posterior_xt,
          .deviation = std::move(deviation),
          .extrapolation = std::vector<double>(schedule.beta.size(), 0.0)};
}

LinearSteps ddim_steps(const NoiseSchedule& schedule, double eta) {
  LinearSteps factors;
  for (size_t k = 0; k < schedule.beta.size(); ++k) {
    const double from = schedule.alpha_bar[k], to = alpha_bar_after(schedule, k);
    const double variance = eta * eta * schedule.posterior_variance[k];
    // The paper's sqrt((1 - to - variance) / (1 - from)), without the difference of nearly equal
    // numbers at eta = 1.
    const double random = eta * schedule.posterior_xt[k];
    const double xt = std::sqrt((1 - eta * eta) * (1 - to) / (1 - from) + random * random);
    factors.x0.push_back(std::sqrt(to) - std::sqrt(from) * xt);
    factors.xt.push_back(xt);
    factors.deviation.push_back(std::sqrt(variance));
    factors.extrapolation.push_back(0);
  }
  return factors;
}

LinearSteps dpm_solver_steps(const NoiseSchedule& schedule) {
  LinearSteps factors = ddim_steps(schedule, /*eta=*/0);  // its first-order form
  const std::vector<double>& alpha_bar = schedule.alpha_bar;
  for (size_t k = 1; k + 1 < alpha_bar.size(); ++k) {
    const double here = half_log_snr(alpha_bar[k]);
    factors.extrapolation[k] =
        (half_log_snr(alpha_bar[k - 1]) - here) / 2 / (here - half_log_snr(alpha_bar[k + 1]));
  }
  return factors;
}

LinearSampler::LinearSampler(NoiseSchedule schedule, const LinearSteps& factors, at::Device device)
    : Sampler(std::move(schedule)),
      adds_noise_(where_not_zero(factors.deviation)),
      extrapolates_(where_not_zero(factors.extrapolation)),
      x0_(noise_table(factors.x0, device)),
      xt_(noise_table(factors.xt, device)),
      deviation_(noise_table(factors.deviation, device)),
      extrapolation_(noise_table(factors.extrapolation, device)) {}

void LinearSampler::step(const Denoise& denoise, int64_t k, const StepNoise& noise,
                         SamplingState& state) const {
  const auto number = static_cast<size_t>(k);
  const at::Tensor t = at::full({state.x.size(0)}, timestep(k), state.x.options().dtype(at::kLong));
  const at::Tensor x0 = denoise(state.x, t);
  const bool extrapolates = extrapolates_[number] && state.previous_step == k + 1;
  const at::Tensor towards =
      extrapolates ? x0 + extrapolation_.select(0, k) * (x0 - state.previous_x0) : x0;
  const at::Tensor mean = x0_.select(0, k) * towards + xt_.select(0, k) * state.x;
  state = {.x = adds_noise_[number] ? mean + deviation_.select(0, k) * noise() : mean,
           .previous_x0 = x0,
           .previous_step = k};
}

}  // namespace gm
