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

#include "nn/model_config.h"
#include "nn/network.h"

namespace gm {

/// Throws InputError, with sizes that work, unless the network of `config` can halve an image of
/// `height` x `width` pixels at each of its levels.
void check_image_size(const ModelConfig& config, int64_t height, int64_t width);

/// The inputs and outputs of a U-Net.
struct UnetShape {
  int64_t in_channels;
  int64_t out_channels;
  /// Whether it has a timestep as input. Without it, `time_mlp` and `mlp.1` do not exist.
  bool time_conditioned = true;
};

class Unet : public Network {
 public:
  /// The initial weights follow PyTorch's default distributions and are drawn from `seed` alone:
  /// they are the same on every rank and machine. Throws InputError if `config` is invalid.
  Unet(const ModelConfig& config, const UnetShape& shape, uint64_t seed);
  /// A U-Net with a timestep, from and to images of `channels` channels.
  Unet(const ModelConfig& config, int64_t channels, uint64_t seed);
  ~Unet() override;

  /// The output, such as the predicted noise, for `x` [N,in_channels,H,W] at the timesteps `t`
  /// (int64 [N]): [N,out_channels,H,W]. For networks with a timestep. All activations are channels
  /// last; `x` is converted if necessary.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& t);
  /// The same for a network without a timestep.
  at::Tensor forward(const at::Tensor& x);

  /// The first forward pass after this call standardises the weights and packs them for the
  /// kernels. All passes, forward and backward, share them until the next call.
  void invalidate_cache() override;

 private:
  struct Layers;
  std::unique_ptr<Layers> layers_;
};

}  // namespace gm
