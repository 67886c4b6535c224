/// The networks that map images to images, behind one interface: diffusion and inpainting do not
/// know which network they train.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nn/model_config.h"
#include "nn/network.h"

namespace gm {

/// What a network is given besides the images.
struct Condition {
  at::Tensor time = {};   ///< The time of a diffusion, int64 or float32 [N].
  at::Tensor image = {};  ///< More channels of its input, float32 [N,D,H,W].
  /// The classes of the images, int64 [N], 0 .. classes - 1, or `classes` for the null class: an
  /// image of any class.
  at::Tensor labels = {};
};

class Denoiser : public Network {
 public:
  /// The output, such as the predicted noise, for `x` [N,C,H,W]: [N,out_channels,H,W], channels
  /// last. Throws Error if `condition` lacks something that the network needs, or has something
  /// that it does not take.
  virtual at::Tensor forward(const at::Tensor& x, const Condition& condition) = 0;
};

/// The inputs and outputs of a network.
struct DenoiserShape {
  int64_t in_channels;  ///< Of `x` and Condition::image together.
  int64_t out_channels;
  bool time_conditioned = true;  ///< Whether it takes Condition::time.
  int64_t classes = 0;           ///< Of Condition::labels; 0 if it does not take them.
};

/// One kind of network: a value of model.kind.
struct DenoiserKind {
  std::string name;
  /// Throws InputError, with sizes that work, unless it takes images of `height` x `width` pixels.
  std::function<void(const ModelConfig&, int64_t height, int64_t width)> check_image_size;
  std::function<std::unique_ptr<Denoiser>(const ModelConfig&, const DenoiserShape&, uint64_t seed,
                                          at::Device device)>
      make;
};

/// All kinds: a new network needs a source in nn/ and an entry here (denoiser.cpp).
std::vector<DenoiserKind>& denoiser_kinds();

/// Throws InputError unless the network of `config` takes images of `height` x `width` pixels.
void check_image_size(const ModelConfig& config, int64_t height, int64_t width);

/// The network of `config` on `device`. Its initial weights are drawn from `seed` alone: they are
/// the same on every rank, machine and device. Throws InputError if `config` is invalid.
std::unique_ptr<Denoiser> make_denoiser(const ModelConfig& config, const DenoiserShape& shape,
                                        uint64_t seed, at::Device device = at::kCPU);

}  // namespace gm
