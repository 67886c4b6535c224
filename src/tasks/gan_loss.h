/// What generator and discriminator minimise against each other. All is computed from logits by
/// log-sigmoids and never from the logarithm of a probability, which is minus infinity once it has
/// been rounded to zero.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

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
  /// Throws InputError for another name.
  explicit AdversarialLoss(const std::string& name);

  /// Of the logits of made images, what the generator minimises.
  at::Tensor generator_loss(const at::Tensor& fake) const;
  /// What the discriminator minimises, in two parts.
  at::Tensor real_loss(const at::Tensor& real) const;
  at::Tensor fake_loss(const at::Tensor& fake) const;

  /// What both parts come to together for a discriminator that cannot tell real from made: their
  /// least over logits that are the same for all images.
  double chance_loss() const;

  /// The discriminator's mean output as a probability that images are real.
  at::Tensor probability(const at::Tensor& logits) const;

  /// Whether the generator's squared error is that of minimax: summed over an image's values.
  bool sums_errors() const { return kind_ == Kind::kReference; }

 private:
  enum class Kind { kReference, kNonSaturating, kHinge, kLeastSquares };

  Kind kind_;
};

class Discriminator;
struct DiscriminatorOutput;

/// R1: half the squared length of the gradient, at each of the real images `x` [k,C,H,W], of the
/// mean of the image's logits, summed over images. It has gradients for the weights of
/// `discriminator`. Mescheder, Geiger, Nowozin, "Which training methods for GANs do actually
/// converge?", ICML 2018.
at::Tensor r1_penalty(Discriminator& discriminator, const at::Tensor& x);

/// Which of the images at `positions`, int64 [n] on the CPU, R1 looks at: int64 [k], their
/// indices. Each is chosen with the chance 1 / `every`, which depends on (seed, position) alone:
/// neither on ranks nor on micro-batches, nor on the shard that a position stands for
/// (data/sample_order.h).
at::Tensor chosen_for_r1(const at::Tensor& positions, int64_t every, uint64_t seed);

/// The mean absolute difference of the activations of two equal batches, mean over layers. Wang et
/// al., "High-resolution image synthesis and semantic manipulation with conditional GANs", 2018.
at::Tensor feature_distance(const DiscriminatorOutput& fake, const DiscriminatorOutput& real);

}  // namespace gm
