#include "tasks/ddpm.h"

#include <ATen/ATen.h>

#include "base/error.h"
#include "device/transfer.h"
#include "diffusion/counter_noise.h"
#include "diffusion/guidance.h"
#include "diffusion/repaint.h"
#include "diffusion/slerp.h"

namespace gm {
namespace {

/// So that the manifest of a checkpoint cannot ask for any amount of memory.
constexpr int64_t kMaxClasses = 100'000;

/// The classes that the network of `options` is given. Throws InputError if it cannot be.
int64_t checked_classes(const DdpmTask::Options& options) {
  check_guidance(options.sampler, options.diffusion);
  if (options.diffusion.condition != DiffusionCondition::kClass) return 0;
  if (options.classes < 1 || options.classes > kMaxClasses) {
    throw InputError("diffusion.condition = \"class\" with {} classes: from 1 to {} are possible",
                     options.classes, kMaxClasses);
  }
  if (options.sampler.label >= options.classes) {
    throw InputError("sampler.class is {}, but the model has {} classes: give from 0 to {}, or -1",
                     options.sampler.label, options.classes, options.classes - 1);
  }
  return options.classes;
}

/// The network of `options`. Throws InputError if it does not fit the images.
std::unique_ptr<Denoiser> make_network(const DdpmTask::Options& options, const ImageShape& shape,
                                       int64_t classes, uint64_t seed, at::Device device) {
  check_image_size(options.model, shape.height, shape.width);
  const bool is_given_masks = options.diffusion.condition == DiffusionCondition::kInpaint;
  // The noisy image, then the known pixels and the mask.
  const int64_t in = is_given_masks ? 2 * shape.channels + 1 : shape.channels;
  return make_denoiser(options.model,
                       {.in_channels = in, .out_channels = shape.channels, .classes = classes},
                       seed, device);
}

/// The labels of the images, int64 [n] on the CPU, with the null class for images without a label,
/// or of a class that the model does not know.
at::Tensor known_labels(const Batch& batch, int64_t classes) {
  if (!batch.labels.defined()) return at::full_like(batch.positions, classes);
  const at::Tensor is_known = batch.labels.ge(0).logical_and(batch.labels.lt(classes));
  return at::where(is_known, batch.labels, classes);
}

}  // namespace

DdpmTask::DdpmTask(const Options& options, MaskMaker masks, const ImageShape& shape, uint64_t seed,
                   at::Device device)
    : Task(device),
      options_(options),
      shape_{shape.channels, shape.height, shape.width},
      seed_(seed),
      classes_(checked_classes(options)),
      masks_(std::move(masks)),
      network_(make_network(options, shape, classes_, seed, device)),
      diffusion_(options.diffusion, options.sampler, device) {}

PreparedBatch DdpmTask::prepare(const Batch& batch) {
  PreparedBatch prepared = Task::prepare(batch);
  prepared.tensors["noise"] =
      counter_normal(seed_, Stream::kNoise, batch.positions, /*draw=*/0, shape_, device());
  prepared.tensors["timesteps"] =
      counter_timesteps(seed_, batch.positions, diffusion_.steps(), device());
  if (is_given_masks()) {
    const at::Tensor masks = upload(masks_(batch.positions), device());
    prepared.tensors["condition"] = network_input({prepared["images"], masks});
  }
  if (classes_ > 0) {
    const LabelDropout dropout{
        .seed = seed_, .probability = options_.diffusion.label_dropout, .null_class = classes_};
    prepared.tensors["labels"] =
        upload(drop_labels(batch.labels, batch.positions, dropout), device());
  }
  return prepared;
}

std::vector<Phase> DdpmTask::phases() {
  return {{.name = "ddpm", .network = network_.get(), .loss = [this](const PreparedBatch& b) {
             return loss(b);
           }}};
}

/// The network with what it is given besides images and timesteps.
DiffusionNetwork DdpmTask::conditioned_on(const Condition& condition) {
  return [this, condition](const at::Tensor& x, const at::Tensor& t) {
    return network_->forward(x, {.time = t, .image = condition.image, .labels = condition.labels});
  };
}

Losses DdpmTask::loss(const PreparedBatch& batch) {
  Condition condition;
  if (is_given_masks()) condition.image = batch["condition"];
  if (classes_ > 0) condition.labels = batch["labels"];
  return {.total = diffusion_.loss(conditioned_on(condition), batch["images"], batch["timesteps"],
                                   batch["noise"])};
}

at::Tensor DdpmTask::losses_at(const Point& point, const Batch& batch, const MaskMaker& masks) {
  const at::NoGradGuard no_graph;
  const at::Tensor images = upload(batch.images, device());
  const at::Tensor noise =
      counter_normal(point.seed, Stream::kEvaluationNoise, batch.positions,
                     /*draw=*/static_cast<uint32_t>(point.timestep), shape_, device());
  const at::Tensor timesteps =
      at::full({images.size(0)}, point.timestep, at::dtype(at::kLong).device(device()));
  Condition condition;
  if (is_given_masks()) {
    condition.image = network_input({images, upload(masks(batch.positions), device())});
  }
  if (classes_ > 0) condition.labels = upload(known_labels(batch, classes_), device());
  return diffusion_.losses(conditioned_on(condition), images, timesteps, noise);
}

at::Tensor DdpmTask::labels(const at::Tensor& indices) const {
  if (classes_ == 0) return {};
  if (options_.sampler.label >= 0) return at::full_like(indices, options_.sampler.label);
  return at::remainder(indices, classes_);
}

/// The network for images whose classes are not known, or that has no classes.
DiffusionNetwork DdpmTask::without_class() {
  if (classes_ == 0) return conditioned_on({});
  return [this](const at::Tensor& x, const at::Tensor& t) {
    return network_->forward(x, {.time = t, .labels = at::full_like(t, classes_)});
  };
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

Denoise DdpmTask::denoiser(const at::Tensor& labels) {
  if (classes_ == 0 || !labels.defined()) return diffusion_.denoise_by(without_class());
  return diffusion_.denoise_by(guided(conditioned_on({.labels = upload(labels, device())}),
                                      without_class(), options_.sampler.guidance));
}

at::Tensor DdpmTask::sample(const SampleRequest& request, const SamplingObserver& observer) {
  return diffusion_.sampler()
      .sample(denoiser(labels(request.indices)), noise(request), observer)
      .clamp(-1, 1);
}

void DdpmTask::check_inpainting() const {
  if (is_given_masks()) return;
  if (classes_ > 0 && options_.sampler.label == -1 && options_.diffusion.label_dropout == 0) {
    throw InputError(
        "sampler.class is -1, but the model has only learned images with their class "
        "(diffusion.label_dropout is 0): give the class of the images from 0 to {}",
        classes_ - 1);
  }
  if (options_.sampler.label == -1 && options_.sampler.guidance != 1) {
    throw InputError(
        "sampler.guidance is {}, but sampler.class is -1, and then inpainting uses no class: give "
        "the class of the images from 0 to {}, or the guidance scale 1",
        options_.sampler.guidance, classes_ - 1);
  }
  repaint_levels(diffusion_.sampler().steps(), options_.repaint);
}

at::Tensor DdpmTask::inpaint(const MaskedImages& masked_images, uint64_t seed,
                             const at::Tensor& indices, const SamplingObserver& observer) {
  const NoiseSource noise = noise_of(seed, indices);
  const MaskedImages given = upload(masked_images, device());
  const bool is_of_chosen_class = options_.sampler.label != -1;
  const Denoise denoise =
      is_given_masks() ? diffusion_.denoise_by(conditioned_on({.image = network_input(given)}))
                       : denoiser(is_of_chosen_class ? labels(indices) : at::Tensor());
  const at::Tensor filling = is_given_masks()
                                 ? diffusion_.sampler().sample(denoise, noise, observer)
                                 : repaint(diffusion_, denoise, given.images, given.masks,
                                           options_.repaint, noise, observer);
  return inpaint_with_prediction(given, filling);
}

}  // namespace gm
