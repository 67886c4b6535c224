/// The discriminator of a GAN: convolutions that halve the image. It has no batch normalisation,
/// because that would make the output for an image depend on the other images of the batch.
///
/// Radford, Metz, Chintala, "Unsupervised representation learning with deep convolutional
/// generative adversarial networks", 2016. For patches: Isola, Zhu, Zhou, Efros, "Image-to-image
/// translation with conditional adversarial networks", 2017.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "nn/network.h"

namespace gm {

/// The images that a discriminator takes, and its architecture.
struct DiscriminatorShape {
  int64_t channels;  ///< Channels of the images.
  int64_t height;    ///< At least 8, as `width`.
  int64_t width;
  int64_t dim = 32;            ///< Channels of the first layer.
  bool patch = true;           ///< One logit for each patch; otherwise one for the image.
  bool spectral_norm = false;  ///< In every layer (nn/spectral_norm.h).
};

/// The output of a discriminator.
struct DiscriminatorOutput {
  /// Above 0 for real, below 0 for generated images: [N,1,1,1] for images, [N,1,H/8,W/8] for
  /// patches.
  at::Tensor logits;
  /// Activations of the hidden layers, in order: [N,dim,H/2,W/2], [N,2*dim,H/4,W/4], ...
  std::vector<at::Tensor> activations;
};

/// Three 4x4 convolutions of stride 2 (convs.0, convs.1, convs.2), each followed by a leaky ReLU of
/// slope 0.2. Each has twice the output channels of the one before. A last convolution (head)
/// computes the logits: 3x3 for patches, otherwise as large as the remaining image.
class Discriminator : public Network {
 public:
  /// The initial weights follow PyTorch's default distributions and are drawn from `seed` alone.
  /// Throws InputError if the images are too small.
  Discriminator(const DiscriminatorShape& shape, uint64_t seed, at::Device device = at::kCPU);
  ~Discriminator() override;

  /// `x`: images [N,C,H,W].
  DiscriminatorOutput forward(const at::Tensor& x);
  /// The same with plain ATen operators: gradients with respect to `x` can be differentiated again.
  DiscriminatorOutput forward_plain(const at::Tensor& x);

  /// Runs one power iteration of each layer's spectral norm, if there is one. Call it once per
  /// step, before the passes of the step.
  void iterate_spectral_norms();

  void invalidate_cache() override;

 private:
  struct Layers;
  std::unique_ptr<Layers> layers_;
};

}  // namespace gm
