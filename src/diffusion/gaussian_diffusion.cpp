#include "diffusion/gaussian_diffusion.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace gm {

namespace {

NoiseSchedule make_schedule(const DiffusionConfig& config) {
  if (config.schedule == "cosine") return cosine_schedule(config.steps);
  throw InputError("diffusion.schedule is '{}': only 'cosine' is known", config.schedule);
}

/// f(value) for each of `values`, computed in double precision, as float32 [T] on `device`.
template <class Function>
at::Tensor table(const std::vector<double>& values, at::Device device, Function f) {
  at::Tensor result = at::empty({static_cast<int64_t>(values.size())}, at::kFloat);
  std::transform(values.begin(), values.end(), result.data_ptr<float>(),
                 [&](double value) { return static_cast<float>(f(value)); });
  return result.to(device);
}

/// The entry of `factors` [T] for each image of a batch: [N,1,1,1].
at::Tensor at_step(const at::Tensor& factors, const at::Tensor& t) {
  return factors.index_select(0, t).view({-1, 1, 1, 1});
}

}  // namespace

GaussianDiffusion::GaussianDiffusion(const DiffusionConfig& config, at::Device device)
    : schedule_(make_schedule(config)), clamp_(config.clamp) {
  const auto same = [](double value) { return value; };
  const std::vector<double>& alpha_bar = schedule_.alpha_bar;
  sqrt_alpha_bar_ = table(alpha_bar, device, [](double a) { return std::sqrt(a); });
  sqrt_one_minus_alpha_bar_ = table(alpha_bar, device, [](double a) { return std::sqrt(1 - a); });
  sqrt_inverse_alpha_bar_ = table(alpha_bar, device, [](double a) { return std::sqrt(1 / a); });
  sqrt_inverse_alpha_bar_minus_one_ =
      table(alpha_bar, device, [](double a) { return std::sqrt(1 / a - 1); });
  posterior_x0_ = table(schedule_.posterior_x0, device, same);
  posterior_xt_ = table(schedule_.posterior_xt, device, same);
  posterior_variance_ = table(schedule_.posterior_variance, device, same);
  posterior_deviation_ =
      table(schedule_.posterior_variance, device, [](double v) { return std::sqrt(v); });
}

at::Tensor GaussianDiffusion::q_sample(const at::Tensor& x0, const at::Tensor& t,
                                       const at::Tensor& noise) const {
  return at_step(sqrt_alpha_bar_, t) * x0 + at_step(sqrt_one_minus_alpha_bar_, t) * noise;
}

at::Tensor GaussianDiffusion::loss(const NoisePredictor& network, const at::Tensor& x0,
                                   const at::Tensor& t, const at::Tensor& noise) const {
  return at::l1_loss(network(q_sample(x0, t, noise), t), noise);
}

at::Tensor GaussianDiffusion::predict_x0(const at::Tensor& x, const at::Tensor& t,
                                         const at::Tensor& predicted_noise) const {
  return at_step(sqrt_inverse_alpha_bar_, t) * x -
         at_step(sqrt_inverse_alpha_bar_minus_one_, t) * predicted_noise;
}

GaussianDiffusion::Posterior GaussianDiffusion::posterior(const at::Tensor& x0, const at::Tensor& x,
                                                          const at::Tensor& t) const {
  return {at_step(posterior_x0_, t) * x0 + at_step(posterior_xt_, t) * x,
          at_step(posterior_variance_, t)};
}

at::Tensor GaussianDiffusion::reverse_step(const NoisePredictor& network, const at::Tensor& x,
                                           int64_t t, const at::Tensor& noise) const {
  const at::Tensor steps = at::full({x.size(0)}, t, x.options().dtype(at::kLong));
  at::Tensor x0 = predict_x0(x, steps, network(x, steps));
  if (clamp_) x0 = x0.clamp(-1.0, 1.0);
  const at::Tensor mean = posterior(x0, x, steps).mean;
  return t == 0 ? mean : mean + at_step(posterior_deviation_, steps) * noise;
}

at::Tensor GaussianDiffusion::sample(const NoisePredictor& network, const NoiseSource& noise,
                                     const StepCallback& on_step) const {
  const at::NoGradGuard no_gradients;
  at::Tensor x = noise(steps());
  for (int64_t t = steps() - 1; t >= 0; --t) {
    x = reverse_step(network, x, t, t == 0 ? at::Tensor() : noise(t));
    if (on_step) on_step(t, x);
  }
  return x;
}

}  // namespace gm
