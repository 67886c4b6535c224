#include "diffusion/gaussian_diffusion.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "diffusion/diffusion_loss.h"
#include "diffusion/loss_weight.h"
#include "diffusion/make_sampler.h"

namespace gm {
namespace {

/// The weight of each timestep, [T]. Undefined if all are 1, which saves the multiplication.
at::Tensor loss_weight_table(const DiffusionConfig& config, const NoiseSchedule& schedule,
                             const Prediction& prediction, at::Device device) {
  std::vector<double> weights;
  for (const double alpha_bar : schedule.alpha_bar) {
    const double snr = alpha_bar / (1 - alpha_bar);
    weights.push_back(loss_weight(config, snr, prediction.x0_error(snr)));
  }
  const bool are_equal = std::ranges::all_of(weights, [](double weight) { return weight == 1; });
  return are_equal ? at::Tensor() : noise_table(weights, device);
}

}  // namespace

GaussianDiffusion::GaussianDiffusion(const DiffusionConfig& config, const SamplerConfig& sampler,
                                     at::Device device)
    : schedule_(make_noise_schedule(config.schedule, config.steps)),
      levels_(schedule_, device),
      prediction_(make_prediction(config.prediction)),
      sampler_(make_sampler(sampler, schedule_, device)),
      loss_(config.loss),
      loss_weights_(loss_weight_table(config, schedule_, *prediction_, device)),
      clamp_(config.clamp) {}

GaussianDiffusion::Predicted GaussianDiffusion::predict(const DiffusionNetwork& network,
                                                        const at::Tensor& x0, const at::Tensor& t,
                                                        const at::Tensor& noise) const {
  return {.output = network(levels_.add_noise(x0, t, noise), t),
          .target = prediction_->target(levels_, x0, t, noise),
          .weights = loss_weights_.defined() ? loss_weights_.index_select(0, t) : at::Tensor()};
}

at::Tensor GaussianDiffusion::loss(const DiffusionNetwork& network, const at::Tensor& x0,
                                   const at::Tensor& t, const at::Tensor& noise) const {
  const Predicted predicted = predict(network, x0, t, noise);
  return diffusion_loss(loss_, predicted.output, predicted.target, predicted.weights);
}

at::Tensor GaussianDiffusion::losses(const DiffusionNetwork& network, const at::Tensor& x0,
                                     const at::Tensor& t, const at::Tensor& noise) const {
  const Predicted predicted = predict(network, x0, t, noise);
  return diffusion_losses(loss_, predicted.output, predicted.target, predicted.weights);
}

Denoise GaussianDiffusion::denoise_by(DiffusionNetwork network) const {
  return [this, network = std::move(network)](const at::Tensor& x, const at::Tensor& t) {
    const at::Tensor x0 = prediction_->x0(levels_, x, t, network(x, t));
    return clamp_ ? x0.clamp(-1.0, 1.0) : x0;
  };
}

}  // namespace gm
