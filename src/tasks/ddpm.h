/// Denoising diffusion: a U-Net learns to remove the noise in an image, and generates new images
/// from noise. Ho, Jain, Abbeel, "Denoising diffusion probabilistic models", 2020.
///
/// With the condition "inpaint", the network also gets a masked image and its mask as input
/// (Saharia et al., "Palette: Image-to-image diffusion models", 2022), and inpaints. Without it,
/// RePaint fills the masks (diffusion/repaint.h).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "diffusion/gaussian_diffusion.h"
#include "diffusion/repaint_config.h"
#include "image/image_shape.h"
#include "nn/denoiser.h"
#include "tasks/diffusion_process.h"
#include "tasks/inpainter.h"
#include "tasks/masking.h"
#include "tasks/task.h"

namespace gm {

/// The loss is GaussianDiffusion::loss. Noise, timestep and mask of an image are keyed by its
/// global sample position, so that they do not depend on the rank that trains on it.
class DdpmTask : public Task, public DiffusionProcess, public Inpainter {
 public:
  struct Options {
    ModelConfig model = {};
    DiffusionConfig diffusion = {};
    SamplerConfig sampler = {};
    RepaintConfig repaint = {};
  };

  /// `masks` makes the masks for training with the condition "inpaint", and is ignored without it.
  /// `seed` draws the initial weights, and noise and timesteps in training. Throws InputError if
  /// the network does not fit the images, or the sampler does not fit the diffusion.
  DdpmTask(const Options& options, MaskMaker masks, const ImageShape& shape, uint64_t seed,
           at::Device device = at::kCPU);

  /// Draws `noise` and `timesteps`, and the `condition` if there is one.
  PreparedBatch prepare(const Batch& batch) override;
  std::vector<Phase> phases() override;
  Network& sampled_network() override { return *network_; }
  /// Null with the condition "inpaint": such a network needs masked images.
  ImageGenerator* image_generator() override { return is_conditioned_ ? nullptr : this; }
  Inpainter* inpainter() override { return this; }
  /// As image_generator().
  DiffusionProcess* process() override { return is_conditioned_ ? nullptr : this; }
  at::Tensor sample(const SampleRequest& request, const SamplingObserver& observer) override;
  at::Tensor inpaint(const MaskedImages& masked_images, uint64_t seed, const at::Tensor& indices,
                     const SamplingObserver& observer) override;
  void check_inpainting() const override;

  const GaussianDiffusion& diffusion() const override { return diffusion_; }
  NoiseSource noise(const SampleRequest& request) const override;
  Denoise denoiser(const at::Tensor& labels) override;

 private:
  Losses loss(const PreparedBatch& batch);
  DiffusionNetwork conditioned_on(at::Tensor image);
  NoiseSource noise_of(uint64_t seed, const at::Tensor& indices) const;

  std::vector<int64_t> shape_;  // [C,H,W]
  uint64_t seed_;
  RepaintConfig repaint_;
  bool is_conditioned_;
  MaskMaker masks_;
  std::unique_ptr<Denoiser> network_;
  GaussianDiffusion diffusion_;
};

}  // namespace gm
