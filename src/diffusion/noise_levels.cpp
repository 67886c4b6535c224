#include "diffusion/noise_levels.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace gm {

NoiseLevels::NoiseLevels(const NoiseSchedule& schedule, at::Device device) {
  const std::vector<double>& alpha_bar = schedule.alpha_bar;
  signal_ = noise_table(alpha_bar, device, [](double a) { return std::sqrt(a); });
  noise_ = noise_table(alpha_bar, device, [](double a) { return std::sqrt(1 - a); });
  inverse_signal_ = noise_table(alpha_bar, device, [](double a) { return std::sqrt(1 / a); });
  noise_to_signal_ = noise_table(alpha_bar, device, [](double a) { return std::sqrt(1 / a - 1); });
}

at::Tensor NoiseLevels::signal(const at::Tensor& t) const { return at_timesteps(signal_, t); }
at::Tensor NoiseLevels::noise(const at::Tensor& t) const { return at_timesteps(noise_, t); }
at::Tensor NoiseLevels::inverse_signal(const at::Tensor& t) const {
  return at_timesteps(inverse_signal_, t);
}
at::Tensor NoiseLevels::noise_to_signal(const at::Tensor& t) const {
  return at_timesteps(noise_to_signal_, t);
}

at::Tensor NoiseLevels::add_noise(const at::Tensor& x0, const at::Tensor& t,
                                  const at::Tensor& e) const {
  return signal(t) * x0 + noise(t) * e;
}

at::Tensor noise_table(const std::vector<double>& values, at::Device device, double (*f)(double)) {
  at::Tensor result = at::empty({static_cast<int64_t>(values.size())}, at::kFloat);
  std::transform(values.begin(), values.end(), result.data_ptr<float>(),
                 [&](double value) { return static_cast<float>(f(value)); });
  return result.to(device);
}

at::Tensor at_timesteps(const at::Tensor& table, const at::Tensor& t) {
  return table.index_select(0, t).view({-1, 1, 1, 1});
}

}  // namespace gm
