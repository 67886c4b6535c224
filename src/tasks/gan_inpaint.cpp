#include "tasks/gan_inpaint.h"

#include <ATen/ATen.h>

#include "base/error.h"
#include "device/transfer.h"
#include "tasks/inpaint.h"

namespace gm {

namespace {

DiscriminatorShape discriminator_shape(const GanConfig& config, const ImageShape& shape) {
  return {.channels = shape.channels,
          .height = shape.height,
          .width = shape.width,
          .dim = config.dim,
          .patch = config.patch,
          .spectral_norm = config.spectral_norm};
}

}  // namespace

GanInpaintTask::GanInpaintTask(const Options& options, MaskMaker masks, const ImageShape& shape,
                               uint64_t seed, at::Device device)
    : Task(device),
      config_(options.gan),
      seed_(seed),
      adversarial_(options.gan.loss),
      masks_(std::move(masks)),
      generator_(make_inpainting_network(options.model, shape, seed, device)),
      // Another seed than the generator's, for independent initial weights.
      discriminator_(discriminator_shape(options.gan, shape), ~seed, device),
      monitor_(adversarial_.chance_loss()) {}

PreparedBatch GanInpaintTask::prepare(const Batch& batch) {
  PreparedBatch prepared = add_masks(Task::prepare(batch), masks_, device());
  if (config_.r1 > 0) {
    prepared.tensors["r1"] =
        upload(chosen_for_r1(batch.positions, config_.r1_every, seed_), device());
  }
  return prepared;
}

std::vector<Phase> GanInpaintTask::phases() {
  return {{.name = "generator",
           .network = generator_.get(),
           .loss = [this](const PreparedBatch& batch) { return generator_loss(batch); }},
          {.name = "discriminator",
           .network = &discriminator_,
           .loss = [this](const PreparedBatch& batch) { return discriminator_loss(batch); },
           .learning_rate_factor = config_.discriminator_lr_scale}};
}

Losses GanInpaintTask::generator_loss(const PreparedBatch& batch) {
  // The first micro-batch of a step: the discriminator has changed since the previous step.
  if (generated_.empty()) discriminator_.iterate_spectral_norms();

  const at::Tensor &images = batch["images"], &masks = batch["masks"];
  const at::Tensor filled = paste({images, masks}, generator_->forward(batch["input"], {}));
  generated_.push_back({batch.positions, filled.detach()});
  Losses losses;
  const auto add = [&](const char* name, double weight, const at::Tensor& term) {
    losses.terms[name] = term.detach();
    if (weight == 0) return;  // saves a backward pass
    losses.total = losses.total.defined() ? losses.total + weight * term : weight * term;
  };
  add("reconstruction", 1,
      adversarial_.sums_errors() ? summed_squared_error(filled, images)
                                 : mean_squared_error(filled, images, masks));
  if (config_.l1 > 0) add("l1", config_.l1, mean_absolute_error(filled, images, masks));

  const FrozenWeights frozen(discriminator_);
  const DiscriminatorOutput output = discriminator_.forward(filled);
  add("adversarial", config_.lambda, adversarial_.generator_loss(output.logits));
  if (config_.feature_matching > 0) {
    add("feature_matching", config_.feature_matching,
        feature_distance(output, discriminate_without_graph(images)));
  }
  add_diversity(filled.detach(), images, masks, losses.terms);
  return losses;
}

DiscriminatorOutput GanInpaintTask::discriminate_without_graph(const at::Tensor& images) {
  const at::NoGradGuard no_graph;
  return discriminator_.forward(images);
}

Losses GanInpaintTask::discriminator_loss(const PreparedBatch& batch) {
  const int64_t count = batch["images"].size(0);
  const at::Tensor images = at::cat({batch["images"], pop_fakes(batch.positions)});
  const at::Tensor logits = discriminator_.forward(images).logits;
  const at::Tensor on_real = logits.narrow(0, 0, count), on_fake = logits.narrow(0, count, count);
  const at::Tensor real = adversarial_.real_loss(on_real), fake = adversarial_.fake_loss(on_fake);
  Losses losses{.total = real + fake,
                .terms = {{"real", real.detach()},
                          {"fake", fake.detach()},
                          {"probability_real", adversarial_.probability(on_real)},
                          {"probability_fake", adversarial_.probability(on_fake)}}};
  if (config_.r1 > 0) {
    const at::Tensor penalty = r1(batch);
    losses.total = losses.total + config_.r1 * penalty;
    losses.terms["r1"] = penalty.detach();
  }
  return losses;
}

at::Tensor GanInpaintTask::pop_fakes(const at::Tensor& positions) {
  if (generated_.empty() || !generated_.front().positions.equal(positions)) {
    throw Error("the discriminator was given a batch that the generator has not inpainted before");
  }
  const at::Tensor images = generated_.front().images;
  generated_.pop_front();
  return images;
}

/// An unbiased estimate of the mean over the batch: only the chosen images are computed, and each
/// counts r1_every times.
at::Tensor GanInpaintTask::r1(const PreparedBatch& batch) {
  const at::Tensor &images = batch["images"], &chosen = batch["r1"];
  if (chosen.numel() == 0) return at::zeros({}, images.options());
  const at::Tensor penalty = r1_penalty(discriminator_, images.index_select(0, chosen));
  return penalty *
         (static_cast<double>(config_.r1_every) / static_cast<double>(batch.positions.numel()));
}

at::Tensor GanInpaintTask::inpaint(const MaskedImages& masked_images, uint64_t, const at::Tensor&,
                                   const SamplingObserver&) {
  return inpaint_with(*generator_, upload(masked_images, device()));
}

std::string GanInpaintTask::warning(const std::map<std::string, double>& terms) {
  return monitor_.observe(terms);
}

}  // namespace gm
