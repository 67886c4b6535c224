#include "tasks/ddpm.h"

#include "device/transfer.h"
#include "diffusion/counter_noise.h"
#include "diffusion/repaint.h"
#include "diffusion/slerp.h"

namespace gm {
namespace {

/// The network of `options`. Throws InputError if it does not fit the images.
std::unique_ptr<Denoiser> make_network(const DdpmTask::Options& options, const ImageShape& shape,
                                       bool conditioned, uint64_t seed, at::Device device) {
  check_image_size(options.model, shape.height, shape.width);
  // The noisy image, then the known pixels and the mask.
  const int64_t in = conditioned ? 2 * shape.channels + 1 : shape.channels;
  return make_denoiser(options.model, {.in_channels = in, .out_channels = shape.channels}, seed,
                       device);
}

}  // namespace

DdpmTask::DdpmTask(const Options& options, MaskMaker masks, const ImageShape& shape, uint64_t seed,
                   at::Device device)
    : Task(device),
      shape_{shape.channels, shape.height, shape.width},
      seed_(seed),
      repaint_(options.repaint),
      is_conditioned_(options.diffusion.condition == "inpaint"),
      masks_(std::move(masks)),
      network_(make_network(options, shape, is_conditioned_, seed, device)),
      diffusion_(options.diffusion, options.sampler, device) {}

PreparedBatch DdpmTask::prepare(const Batch& batch) {
  PreparedBatch prepared = Task::prepare(batch);
  prepared.tensors["noise"] =
      counter_normal(seed_, Stream::kNoise, batch.positions, /*draw=*/0, shape_, device());
  prepared.tensors["timesteps"] =
      counter_timesteps(seed_, batch.positions, diffusion_.steps(), device());
  if (is_conditioned_) {
    const at::Tensor masks = upload(masks_(batch.positions), device());
    prepared.tensors["condition"] = network_input({prepared["images"], masks});
  }
  return prepared;
}

std::vector<Phase> DdpmTask::phases() {
  return {{.name = "ddpm", .network = network_.get(), .loss = [this](const PreparedBatch& b) {
             return loss(b);
           }}};
}

/// `image` is undefined if the network has no condition.
DiffusionNetwork DdpmTask::conditioned_on(at::Tensor image) {
  return [this, image = std::move(image)](const at::Tensor& x, const at::Tensor& t) {
    return network_->forward(x, {.time = t, .image = image});
  };
}

Losses DdpmTask::loss(const PreparedBatch& batch) {
  const auto network = conditioned_on(is_conditioned_ ? batch["condition"] : at::Tensor());
  return {.total = diffusion_.loss(network, batch["images"], batch["timesteps"], batch["noise"])};
}

NoiseSource DdpmTask::noise_of(uint64_t seed, const at::Tensor& indices) const {
  return counter_sampling_noise(seed, indices, shape_, device());
}

NoiseSource DdpmTask::noise(const SampleRequest& request) const {
  const NoiseSource noise = noise_of(request.seed, request.indices);
  if (!request.toward) return noise;
  return [noise, other = noise_of(request.toward->seed, request.indices),
          fractions = request.toward->fractions, first = diffusion_.steps()](int64_t draw) {
    return draw == first ? slerp(noise(draw), other(draw), fractions) : noise(draw);
  };
}

Denoise DdpmTask::denoiser(const at::Tensor& /*labels*/) {
  return diffusion_.denoise_by(conditioned_on({}));
}

at::Tensor DdpmTask::sample(const SampleRequest& request, const SamplingObserver& observer) {
  return diffusion_.sampler()
      .sample(denoiser(labels(request.indices)), noise(request), observer)
      .clamp(-1, 1);
}

void DdpmTask::check_inpainting() const {
  if (!is_conditioned_) repaint_levels(diffusion_.sampler().steps(), repaint_);
}

at::Tensor DdpmTask::inpaint(const MaskedImages& masked_images, uint64_t seed,
                             const at::Tensor& indices, const SamplingObserver& observer) {
  const NoiseSource noise = noise_of(seed, indices);
  const MaskedImages given = upload(masked_images, device());
  const Denoise denoise =
      diffusion_.denoise_by(conditioned_on(is_conditioned_ ? network_input(given) : at::Tensor()));
  const at::Tensor filling = is_conditioned_ ? diffusion_.sampler().sample(denoise, noise, observer)
                                             : repaint(diffusion_, denoise, given.images,
                                                       given.masks, repaint_, noise, observer);
  return inpaint_with_prediction(given, filling);
}

}  // namespace gm
