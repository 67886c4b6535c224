/// Inpainting as a game of two: a U-Net fills them, and a discriminator tells filled images
/// from real ones. Goodfellow et al., "Generative adversarial nets", 2014; of masks: Pathak et
/// al., "Context encoders: feature learning by inpainting", CVPR 2016.
#pragma once

#include <cstdint>
#include <deque>

#include "data/image_shape.h"
#include "nn/discriminator.h"
#include "nn/unet.h"
#include "tasks/gan_config.h"
#include "tasks/gan_loss.h"
#include "tasks/gan_monitor.h"
#include "tasks/masking.h"
#include "tasks/task.h"

namespace gm {

/// A step has two phases, of the same micro-batches. The `generator`'s comes first: it fills the
/// masks and learns through the discriminator, which is frozen meanwhile. The `discriminator`'s
/// then judges the images that the generator has just made, as it was before its update. So
/// there is one pass of the generator a step, and no gradient that nobody asked for.
///
/// The discriminator sees the filled image, known pixels and all, and not the mask: it has to
/// find the masked area by what is wrong with it.
///
/// Terms for the log, beside the losses' totals: `reconstruction`, `adversarial`, `l1`,
/// `feature_matching` of the generator, before their weights; `real`, `fake`, `r1` of the
/// discriminator, `probability_real` and `probability_fake`, its mean output; `diversity` and
/// `diversity_real` (gan_monitor.h).
class GanInpaintTask : public Task {
 public:
  struct Options {
    ModelConfig model = {};
    GanConfig gan = {};
  };

  /// `masks` make the masks of training; `seed` draws the initial weights, and chooses the
  /// images of R1. Throws InputError when a network does not fit the images.
  GanInpaintTask(const Options& options, MaskMaker masks, const ImageShape& shape, uint64_t seed);

  std::vector<Phase> phases() override;
  Network& sampled_network() override { return generator_; }
  /// Leaves nothing to chance, and calls no observer.
  at::Tensor inpaint(const MaskedImages& incomplete, uint64_t seed, const at::Tensor& indices,
                     const SamplingObserver& observer) override;
  std::string warning(const std::map<std::string, double>& terms) override;

 private:
  /// What the generator's phase leaves for the discriminator's.
  struct Made {
    at::Tensor positions;
    at::Tensor images;
  };

  Losses generator_loss(const Batch& batch);
  Losses discriminator_loss(const Batch& batch);
  DiscriminatorOutput discriminate_without_graph(const at::Tensor& images);
  at::Tensor pop_fakes(const at::Tensor& positions);
  at::Tensor r1(const Batch& batch);

  GanConfig config_;
  uint64_t seed_;
  AdversarialLoss adversarial_;
  MaskMaker masks_;
  Unet generator_;
  Discriminator discriminator_;
  std::deque<Made> made_;  // of the micro-batches of a step, in their order
  GanMonitor monitor_;
};

}  // namespace gm
