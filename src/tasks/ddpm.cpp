#include "tasks/ddpm.h"

#include "diffusion/keyed_noise.h"
#include "diffusion/repaint.h"

namespace gm {
namespace {

/// `config`, once it is known to fit: before the network is made.
const ModelConfig& fitting(const ModelConfig& config, const ImageShape& shape) {
  check_image_size(config, shape.height, shape.width);
  return config;
}

}  // namespace

DdpmTask::DdpmTask(const Options& options, const ImageShape& shape, uint64_t seed)
    : shape_(shape),
      seed_(seed),
      repaint_(options.repaint),
      unet_(fitting(options.model, shape), shape.channels, seed),
      diffusion_(options.diffusion) {}

std::vector<Phase> DdpmTask::phases() {
  return {{.name = "ddpm", .network = &unet_, .loss = [this](const Batch& b) { return loss(b); }}};
}

NoisePredictor DdpmTask::network() {
  return [this](const at::Tensor& x, const at::Tensor& t) { return unet_.forward(x, t); };
}

Losses DdpmTask::loss(const Batch& batch) {
  const auto noise = keyed_normal(seed_, Stream::kNoise, batch.positions, /*draw=*/0,
                                  shape_.channels, shape_.height, shape_.width);
  const auto timesteps = keyed_timesteps(seed_, batch.positions, diffusion_.steps());
  return {.total = diffusion_.loss(network(), batch.images, timesteps, noise)};
}

at::Tensor DdpmTask::sample(uint64_t seed, const at::Tensor& indices,
                            const SamplingObserver& observer) {
  const auto noise =
      keyed_sampling_noise(seed, indices, shape_.channels, shape_.height, shape_.width);
  return diffusion_.sample(network(), noise, observer);
}

at::Tensor DdpmTask::inpaint(const IncompletePictures& incomplete, uint64_t seed,
                             const at::Tensor& indices, const SamplingObserver& observer) {
  const auto noise =
      keyed_sampling_noise(seed, indices, shape_.channels, shape_.height, shape_.width);
  return repaint(diffusion_, network(), incomplete.pictures, incomplete.masks, repaint_, noise,
                 observer);
}

}  // namespace gm
