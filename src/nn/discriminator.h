/// The network that tells real images from made ones: convolutions that halve the image, and no
/// batch normalisation, which would make an image's answer depend on those beside it.
///
/// Radford, Metz, Chintala, "Unsupervised representation learning with deep convolutional
/// generative adversarial networks", 2016; of patches: Isola, Zhu, Zhou, Efros, "Image-to-image
/// translation with conditional adversarial networks", 2017.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "nn/network.h"

namespace gm {

/// What a discriminator judges, and how.
struct DiscriminatorShape {
  int64_t channels;  ///< Of the images.
  int64_t height;    ///< At least 8, as `width`.
  int64_t width;
  int64_t dim = 32;            ///< Channels of the first layer.
  bool patch = true;           ///< Each patch by itself, or else the image as a whole.
  bool spectral_norm = false;  ///< Of every layer (nn/spectral_norm.h).
};

/// What a discriminator says of images.
struct DiscriminatorOutput {
  /// Above 0 for real, below for made: [N,1,1,1] of an image, [N,1,H/8,W/8] of its patches.
  at::Tensor logits;
  /// What its inner layers see, the first first: [N,dim,H/2,W/2], [N,2*dim,H/4,W/4], ...
  std::vector<at::Tensor> activations;
};

/// Three 4x4 convolutions of stride 2, each with a leaky ReLU of slope 0.2 and twice the channels
/// of the one before (convs.0, convs.1, convs.2), and one to the logits (head): 3x3 for patches,
/// else as large as what is left of the image.
class Discriminator : public Network {
 public:
  /// The initial weights follow PyTorch's default distributions, drawn from `seed` alone. Throws
  /// InputError where the images are too small.
  Discriminator(const DiscriminatorShape& shape, uint64_t seed);
  ~Discriminator() override;

  /// Judges `x` [N,C,H,W].
  DiscriminatorOutput forward(const at::Tensor& x);
  /// The same in plain ATen operators: gradients for `x` have gradients of their own.
  DiscriminatorOutput forward_plain(const at::Tensor& x);

  /// One power iteration of each layer's spectral norm, if it has them: once a step, before its
  /// passes.
  void iterate_spectral_norms();

  void invalidate_cache() override;

 private:
  struct Layers;
  std::unique_ptr<Layers> layers_;
};

}  // namespace gm
