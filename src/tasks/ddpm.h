/// Denoising diffusion: a U-Net learns to remove the noise in an image, and generates new images
/// from noise. Ho, Jain, Abbeel, "Denoising diffusion probabilistic models", 2020.
///
/// With the condition "inpaint", the network also gets a masked image and its mask as input
/// (Saharia et al., "Palette: Image-to-image diffusion models", 2022), and inpaints. Without it,
/// RePaint fills the masks (diffusion/repaint.h).
///
/// With the condition "class", the network also gets the class of the image (diffusion/guidance.h).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "diffusion/gaussian_diffusion.h"
#include "diffusion/repaint_config.h"
#include "image/image_shape.h"
#include "nn/denoiser.h"
#include "tasks/diffusion_losses.h"
#include "tasks/diffusion_process.h"
#include "tasks/inpainter.h"
#include "tasks/masking.h"
#include "tasks/task.h"

namespace gm {

/// The loss is GaussianDiffusion::loss. Noise, timestep, mask and label dropout of an image are
/// keyed by its global sample position, so that they do not depend on the rank that trains on it.
class DdpmTask : public Task, public DiffusionProcess, public Inpainter, public DiffusionLosses {
 public:
  struct Options {
    ModelConfig model = {};
    DiffusionConfig diffusion = {};
    SamplerConfig sampler = {};
    RepaintConfig repaint = {};
    int64_t classes = 0;  ///< Of the dataset, with the condition "class"; ignored without it.
  };

  /// `masks` makes the masks for training with the condition "inpaint", and is ignored without it.
  /// `seed` draws the initial weights, and what is random in training. Throws InputError if the
  /// network does not fit the images, or the sampler does not fit the diffusion or its classes.
  DdpmTask(const Options& options, MaskMaker masks, const ImageShape& shape, uint64_t seed,
           at::Device device = at::kCPU);

  /// Draws `noise` and `timesteps`, the `condition` with masks, and the `labels` with classes.
  PreparedBatch prepare(const Batch& batch) override;
  std::vector<Phase> phases() override;
  Network& sampled_network() override { return *network_; }
  /// Null with the condition "inpaint": such a network needs masked images.
  ImageGenerator* image_generator() override { return is_given_masks() ? nullptr : this; }
  Inpainter* inpainter() override { return this; }
  DiffusionLosses* diffusion_losses() override { return this; }
  /// As image_generator().
  DiffusionProcess* process() override { return is_given_masks() ? nullptr : this; }
  at::Tensor sample(const SampleRequest& request, const SamplingObserver& observer) override;
  int64_t classes() const override { return classes_; }
  /// Those of sampler.class, or each class in turn.
  at::Tensor labels(const at::Tensor& indices) const override;
  /// With classes, all images are of the class of sampler.class, or of no known class.
  at::Tensor inpaint(const MaskedImages& masked_images, uint64_t seed, const at::Tensor& indices,
                     const SamplingObserver& observer) override;
  void check_inpainting() const override;
  int64_t timesteps() const override { return diffusion_.steps(); }
  at::Tensor losses_at(const Point& point, const Batch& batch, const MaskMaker& masks) override;

  const GaussianDiffusion& diffusion() const override { return diffusion_; }
  NoiseSource noise(const SampleRequest& request) const override;
  Denoise denoiser(const at::Tensor& labels) override;

 private:
  Losses loss(const PreparedBatch& batch);
  bool is_given_masks() const {
    return options_.diffusion.condition == DiffusionCondition::kInpaint;
  }
  DiffusionNetwork conditioned_on(const Condition& condition);
  DiffusionNetwork without_class();
  NoiseSource noise_of(uint64_t seed, const at::Tensor& indices) const;

  Options options_;
  std::vector<int64_t> shape_;  // [C,H,W]
  uint64_t seed_;
  int64_t classes_;  // 0 without the condition "class"
  MaskMaker masks_;
  std::unique_ptr<Denoiser> network_;
  GaussianDiffusion diffusion_;
};

}  // namespace gm
