/// Filling holes as a game of two: a U-Net fills them, and a discriminator tells filled pictures
/// from real ones. Goodfellow et al., "Generative adversarial nets", 2014; of holes: Pathak et
/// al., "Context encoders: feature learning by inpainting", CVPR 2016.
#pragma once

#include <cstdint>
#include <deque>

#include "data/image_shape.h"
#include "nn/discriminator.h"
#include "nn/unet.h"
#include "tasks/gan_config.h"
#include "tasks/gan_loss.h"
#include "tasks/gan_watch.h"
#include "tasks/holes.h"
#include "tasks/task.h"

namespace gm {

/// A step has two phases, of the same micro-batches. The `generator`'s comes first: it fills the
/// holes and learns through the discriminator, which is frozen meanwhile. The `discriminator`'s
/// then judges the pictures that the generator has just made, as it was before its update. So
/// there is one pass of the generator a step, and no gradient that nobody asked for.
///
/// The discriminator sees the filled picture, known pixels and all, and not the mask: it has to
/// find the hole by what is wrong with it.
///
/// Terms for the log, beside the losses' totals: `reconstruction`, `adversarial`, `l1`,
/// `feature_matching` of the generator, before their weights; `real`, `fake`, `r1` of the
/// discriminator, `probability_real` and `probability_fake`, its mean output; `diversity` and
/// `diversity_real` (gan_watch.h).
class GanInpaintTask : public Task {
 public:
  struct Options {
    ModelConfig model = {};
    GanConfig gan = {};
  };

  /// `masks` make the holes of training; `seed` draws the initial weights, and chooses the
  /// pictures of R1. Throws InputError when a network does not fit the pictures.
  GanInpaintTask(const Options& options, MaskMaker masks, const ImageShape& shape, uint64_t seed);

  std::vector<Phase> phases() override;
  Network& sampled_network() override { return generator_; }
  /// Leaves nothing to chance, and calls no observer.
  at::Tensor inpaint(const IncompletePictures& incomplete, uint64_t seed, const at::Tensor& indices,
                     const SamplingObserver& observer) override;
  std::string warning(const std::map<std::string, double>& terms) override;

 private:
  /// What the generator's phase leaves for the discriminator's.
  struct Made {
    at::Tensor positions;
    at::Tensor pictures;
  };

  Losses generator_loss(const Batch& batch);
  Losses discriminator_loss(const Batch& batch);
  Judgement judge_without_graph(const at::Tensor& pictures);
  at::Tensor take_made(const at::Tensor& positions);
  at::Tensor r1(const Batch& batch);

  GanConfig config_;
  uint64_t seed_;
  AdversarialLoss adversarial_;
  MaskMaker masks_;
  Unet generator_;
  Discriminator discriminator_;
  std::deque<Made> made_;  // of the micro-batches of a step, in their order
  GanWatch watch_;
};

}  // namespace gm
