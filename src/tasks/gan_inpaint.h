/// Adversarial inpainting: a U-Net inpaints, and a discriminator distinguishes inpainted images
/// from real ones. Goodfellow et al., "Generative adversarial nets", 2014; for inpainting: Pathak
/// et al., "Context encoders: feature learning by inpainting", CVPR 2016.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>

#include "image/image_shape.h"
#include "nn/denoiser.h"
#include "nn/discriminator.h"
#include "tasks/gan_config.h"
#include "tasks/gan_loss.h"
#include "tasks/gan_monitor.h"
#include "tasks/inpainter.h"
#include "tasks/masking.h"
#include "tasks/task.h"

namespace gm {

/// A step has two phases with the same micro-batches. The `generator` phase comes first: it
/// inpaints, and learns through the discriminator, which is frozen. The `discriminator` phase then
/// judges the images that the generator made in the first phase, before the generator's update. So
/// a step needs only one pass of the generator, and computes no unused gradients.
///
/// The discriminator sees the whole inpainted image, with its known pixels, but not the mask: it
/// must find the masked area by its errors.
///
/// Terms for the log, besides the total losses: `reconstruction`, `adversarial`, `l1`,
/// `feature_matching` of the generator, before weighting; `real`, `fake`, `r1` of the
/// discriminator, and its mean outputs `probability_real` and `probability_fake`; `diversity` and
/// `diversity_real` (gan_monitor.h).
class GanInpaintTask : public Task, public Inpainter {
 public:
  struct Options {
    ModelConfig model = {};
    GanConfig gan = {};
  };

  /// `masks` makes the masks for training; `seed` draws the initial weights, and chooses the images
  /// for R1. Throws InputError if a network does not fit the images.
  GanInpaintTask(const Options& options, MaskMaker masks, const ImageShape& shape, uint64_t seed,
                 at::Device device = at::kCPU);

  /// Draws `masks`, and with R1 the indices of its images, `r1`.
  PreparedBatch prepare(const Batch& batch) override;
  std::vector<Phase> phases() override;
  Network& sampled_network() override { return *generator_; }
  Inpainter* inpainter() override { return this; }
  /// Deterministic. Does not call `observer`.
  at::Tensor inpaint(const MaskedImages& masked_images, uint64_t seed, const at::Tensor& indices,
                     const SamplingObserver& observer) override;
  std::string warning(const std::map<std::string, double>& terms) override;

 private:
  /// An output of the generator phase for the discriminator phase.
  struct GeneratedBatch {
    at::Tensor positions;
    at::Tensor images;
  };

  Losses generator_loss(const PreparedBatch& batch);
  Losses discriminator_loss(const PreparedBatch& batch);
  DiscriminatorOutput discriminate_without_graph(const at::Tensor& images);
  at::Tensor pop_fakes(const at::Tensor& positions);
  at::Tensor r1(const PreparedBatch& batch);

  GanConfig config_;
  uint64_t seed_;
  AdversarialLoss adversarial_;
  MaskMaker masks_;
  std::unique_ptr<Denoiser> generator_;
  Discriminator discriminator_;
  std::deque<GeneratedBatch> generated_;  // for the micro-batches of a step, in order
  GanMonitor monitor_;
};

}  // namespace gm
