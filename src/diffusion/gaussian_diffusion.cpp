#include "diffusion/gaussian_diffusion.h"

#include <ATen/ATen.h>

#include "diffusion/ancestral_sampler.h"

namespace gm {

GaussianDiffusion::GaussianDiffusion(const DiffusionConfig& config, at::Device device)
    : schedule_(make_noise_schedule(config.schedule, config.steps)),
      levels_(schedule_, device),
      prediction_(make_prediction(config.prediction)),
      sampler_(std::make_unique<AncestralSampler>(schedule_, device)),
      clamp_(config.clamp) {}

at::Tensor GaussianDiffusion::loss(const DiffusionNetwork& network, const at::Tensor& x0,
                                   const at::Tensor& t, const at::Tensor& noise) const {
  const at::Tensor target = prediction_->target(levels_, x0, t, noise);
  return at::l1_loss(network(levels_.add_noise(x0, t, noise), t), target);
}

Denoise GaussianDiffusion::denoise_by(DiffusionNetwork network) const {
  return [this, network = std::move(network)](const at::Tensor& x, const at::Tensor& t) {
    const at::Tensor x0 = prediction_->x0(levels_, x, t, network(x, t));
    return clamp_ ? x0.clamp(-1.0, 1.0) : x0;
  };
}

}  // namespace gm
