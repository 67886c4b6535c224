/// The losses of the generator and the discriminator. They are computed from logits by
/// log-sigmoids, never from the logarithm of a probability, which is minus infinity if the
/// probability was rounded to zero.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "tasks/gan_config.h"

namespace gm {

/// Adversarial losses by name. With the discriminator's probability D = sigmoid(logit):
///
/// `minimax`, `non_saturating`
///     D minimises -E[log D(x)] - E[log(1 - D(x'))], and G minimises -E[log D(x')].
///     Goodfellow et al., "Generative adversarial nets", 2014.
/// `hinge`
///     D: E[max(0, 1 - logit(x))] + E[max(0, 1 + logit(x'))],   G: -E[logit(x')].
///     Lim, Ye, "Geometric GAN", 2017; Miyato et al., 2018.
/// `least_squares`
///     D: E[(logit(x) - 1)^2] / 2 + E[logit(x')^2] / 2,   G: E[(logit(x') - 1)^2] / 2.
///     Mao et al., "Least squares generative adversarial networks", 2017.
///
/// E is the mean over images and, where a discriminator judges patches, over patches.
class AdversarialLoss {
 public:
  explicit AdversarialLoss(GanLoss kind) : kind_(kind) {}

  /// The generator's loss, from the logits of generated images.
  at::Tensor generator_loss(const at::Tensor& fake) const;
  /// The two parts of the discriminator's loss.
  at::Tensor real_loss(const at::Tensor& real) const;
  at::Tensor fake_loss(const at::Tensor& fake) const;

  /// The sum of both parts for a discriminator that cannot distinguish real from generated images:
  /// the minimum over logits that are the same for all images.
  double chance_loss() const;

  /// The discriminator's mean output as a probability that images are real.
  at::Tensor probability(const at::Tensor& logits) const;

  /// Whether the generator's squared error is summed over an image's values, as in minimax.
  bool sums_errors() const { return kind_ == GanLoss::kMinimax; }

 private:
  GanLoss kind_;
};

class Discriminator;
struct DiscriminatorOutput;

/// R1: half the squared length of the gradient of an image's mean logit with respect to the image,
/// summed over the real images `x` [k,C,H,W]. It has gradients for the weights of `discriminator`.
/// Mescheder, Geiger, Nowozin, "Which training methods for GANs do actually converge?", ICML 2018.
at::Tensor r1_penalty(Discriminator& discriminator, const at::Tensor& x);

/// The indices, int64 [k], of the images that R1 uses, out of the images at `positions`, int64 [n]
/// on the CPU. Each is chosen with the probability 1 / `every`. The choice depends on (seed,
/// position) alone, not on ranks, micro-batches or the shard that a position belongs to
/// (data/shard_order.h).
at::Tensor chosen_for_r1(const at::Tensor& positions, int64_t every, uint64_t seed);

/// The mean absolute difference of the activations of two batches of the same size, averaged over
/// the layers. Wang et al., "High-resolution image synthesis and semantic manipulation with
/// conditional GANs", 2018.
at::Tensor feature_distance(const DiscriminatorOutput& fake, const DiscriminatorOutput& real);

}  // namespace gm
