#include "tasks/ddpm.h"

#include <ATen/ops/cat.h>

#include "diffusion/counter_noise.h"
#include "diffusion/repaint.h"

namespace gm {
namespace {

/// The network's shape. Throws InputError if the network does not fit the images.
UnetShape unet_shape(const DdpmTask::Options& options, const ImageShape& shape, bool conditioned) {
  check_image_size(options.model, shape.height, shape.width);
  // The noisy image, then the known pixels and the mask.
  const int64_t in = conditioned ? 2 * shape.channels + 1 : shape.channels;
  return {.in_channels = in, .out_channels = shape.channels};
}

}  // namespace

DdpmTask::DdpmTask(const Options& options, MaskMaker masks, const ImageShape& shape, uint64_t seed)
    : shape_(shape),
      seed_(seed),
      repaint_(options.repaint),
      is_conditioned_(options.diffusion.condition == "inpaint"),
      masks_(std::move(masks)),
      unet_(options.model, unet_shape(options, shape, is_conditioned_), seed),
      diffusion_(options.diffusion) {}

std::vector<Phase> DdpmTask::phases() {
  return {{.name = "ddpm", .network = &unet_, .loss = [this](const Batch& b) { return loss(b); }}};
}

DiffusionNetwork DdpmTask::unconditional() {
  return [this](const at::Tensor& x, const at::Tensor& t) { return unet_.forward(x, t); };
}

DiffusionNetwork DdpmTask::conditioned_on(const MaskedImages& masked_images) {
  const at::Tensor condition = network_input(masked_images);
  return [this, condition](const at::Tensor& x, const at::Tensor& t) {
    return unet_.forward(at::cat({x, condition}, 1), t);
  };
}

Losses DdpmTask::loss(const Batch& batch) {
  const auto noise = counter_normal(seed_, Stream::kNoise, batch.positions, /*draw=*/0,
                                    shape_.channels, shape_.height, shape_.width);
  const auto timesteps = counter_timesteps(seed_, batch.positions, diffusion_.steps());
  const auto network =
      is_conditioned_ ? conditioned_on({batch.images, masks_(batch.positions)}) : unconditional();
  return {.total = diffusion_.loss(network, batch.images, timesteps, noise)};
}

at::Tensor DdpmTask::sample(uint64_t seed, const at::Tensor& indices,
                            const SamplingObserver& observer) {
  const auto noise =
      counter_sampling_noise(seed, indices, shape_.channels, shape_.height, shape_.width);
  return diffusion_.sampler()
      .sample(diffusion_.denoise_by(unconditional()), noise, observer)
      .clamp(-1, 1);
}

void DdpmTask::check_inpainting() const {
  if (!is_conditioned_) repaint_levels(diffusion_.steps(), repaint_);
}

at::Tensor DdpmTask::inpaint(const MaskedImages& masked_images, uint64_t seed,
                             const at::Tensor& indices, const SamplingObserver& observer) {
  const auto noise =
      counter_sampling_noise(seed, indices, shape_.channels, shape_.height, shape_.width);
  const Denoise denoise =
      diffusion_.denoise_by(is_conditioned_ ? conditioned_on(masked_images) : unconditional());
  const at::Tensor filling = is_conditioned_
                                 ? diffusion_.sampler().sample(denoise, noise, observer)
                                 : repaint(diffusion_, denoise, masked_images.images,
                                           masked_images.masks, repaint_, noise, observer);
  return inpaint_with_prediction(masked_images, filling);
}

}  // namespace gm
