/// The U-Net that makes images of images, such as the noise in them or what is missing from
/// them: that of denoising-diffusion-pytorch 0.27.12, parameter by parameter, so that weights go
/// both ways between Python and gm.
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

/// What goes into a U-Net and comes out of it.
struct UnetShape {
  int64_t in_channels;
  int64_t out_channels;
  bool time_conditioned =
      true;  ///< Whether it reads a timestep. Without, it has no `time_mlp` and no `mlp.1`.
};

class Unet : public Network {
 public:
  /// The initial weights follow PyTorch's default
  /// distributions, drawn from `seed` alone: they are the same on every rank and machine.
  /// Throws InputError where `config` describes no network.
  Unet(const ModelConfig& config, const UnetShape& shape, uint64_t seed);
  /// One with a time, from and to images of `channels` channels.
  Unet(const ModelConfig& config, int64_t channels, uint64_t seed);
  ~Unet() override;

  /// What a network with a time makes of `x` [N,in_channels,H,W] at the timesteps `t` (int64 [N]),
  /// such as the noise predicted in it: [N,out_channels,H,W]. Activations are channels last
  /// throughout; `x` is brought into that layout if it is not.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& t);
  /// The same of a network without a time.
  at::Tensor forward(const at::Tensor& x);

  /// Weights are standardised and laid out for the kernels once, at the first forward pass after
  /// this call, and shared by all passes, forward and backward, up to the next.
  void invalidate_cache() override;

 private:
  struct Layers;
  std::unique_ptr<Layers> layers_;
};

}  // namespace gm
