/// The U-Net of denoising-diffusion-pytorch 0.27.12. It maps images to images, such as the noise in
/// them or their masked pixels. Its parameters correspond one to one to those of the Python
/// package, so weights can be converted in both directions.
///
/// Ho, Jain, Abbeel, "Denoising diffusion probabilistic models", 2020, with weight-standardised
/// convolutions (Qiao et al., 2019), linear attention (Shen et al., 2018) at every level and full
/// attention in the middle.
#pragma once

#include <cstdint>
#include <memory>

#include "nn/denoiser.h"

namespace gm {

/// Throws InputError, with sizes that work, unless the network of `config` can halve an image of
/// `height` x `width` pixels at each of its levels.
void check_unet_image_size(const ModelConfig& config, int64_t height, int64_t width);

class Unet : public Denoiser {
 public:
  /// Without a timestep (shape.time_conditioned), `time_mlp` and `mlp.1` do not exist. With
  /// classes, which need a timestep, `label_emb` has a vector for each class and one for the null
  /// class, which is added to the embedding of the timestep: Dhariwal and Nichol, "Diffusion models
  /// beat GANs on image synthesis", 2021. It is the last parameter, so that the others are those of
  /// the network without classes. The initial weights follow PyTorch's default distributions, those
  /// of `label_emb` are uniform from -1 to 1. They are drawn from `seed` alone: they are the same
  /// on every rank, machine and device. Throws InputError if `config` is invalid.
  Unet(const ModelConfig& config, const DenoiserShape& shape, uint64_t seed,
       at::Device device = at::kCPU);
  ~Unet() override;

  /// The output, such as the predicted noise, for `x` [N,C,H,W], to which the channels of
  /// condition.image are appended: [N,out_channels,H,W]. All activations are channels last; the
  /// input is converted if necessary.
  at::Tensor forward(const at::Tensor& x, const Condition& condition) override;

  /// The first forward pass after this call standardises the weights and packs them for the
  /// kernels. All passes, forward and backward, share them until the next call.
  void invalidate_cache() override;

 private:
  struct Layers;
  std::unique_ptr<Layers> layers_;
};

/// A Unet as the entry of denoiser_kinds().
std::unique_ptr<Denoiser> make_unet(const ModelConfig& config, const DenoiserShape& shape,
                                    uint64_t seed, at::Device device);

}  // namespace gm
