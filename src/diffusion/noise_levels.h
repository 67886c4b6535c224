/// How much signal and how much noise an image has at each timestep, as tensors for batches.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "diffusion/noise_schedule.h"

namespace gm {

/// x_t = signal(t) * x_0 + noise(t) * e, with standard normal e. `t` is int64 [N], 0 .. T - 1; each
/// factor is float32 [N,1,1,1] on the device, computed in double precision.
class NoiseLevels {
 public:
  explicit NoiseLevels(const NoiseSchedule& schedule, at::Device device = at::kCPU);

  at::Tensor signal(const at::Tensor& t) const;           ///< sqrt(alpha_bar)
  at::Tensor noise(const at::Tensor& t) const;            ///< sqrt(1 - alpha_bar)
  at::Tensor inverse_signal(const at::Tensor& t) const;   ///< 1 / signal
  at::Tensor noise_to_signal(const at::Tensor& t) const;  ///< noise / signal

  /// x_t: the images `x0` with the noise `e` of timestep `t` added.
  at::Tensor add_noise(const at::Tensor& x0, const at::Tensor& t, const at::Tensor& e) const;

 private:
  at::Tensor signal_, noise_, inverse_signal_, noise_to_signal_;  // [T]
};

/// f(value) for each of `values`, computed in double precision, as float32 [T] on `device`.
at::Tensor noise_table(
    const std::vector<double>& values, at::Device device,
    double (*f)(double) = [](double value) { return value; });

/// The entry of `table` [T] for each image of a batch: [N,1,1,1].
at::Tensor at_timesteps(const at::Tensor& table, const at::Tensor& t);

}  // namespace gm
