/// The `[gan]` section of a run's configuration: the losses and the discriminator.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

namespace gm {

/// The adversarial losses; AdversarialLoss (gan_loss.h) has their formulas.
enum class GanLoss { kMinimax, kNonSaturating, kHinge, kLeastSquares };
constexpr auto names_of(GanLoss) {
  using enum GanLoss;
  return std::to_array<std::pair<GanLoss, const char*>>({{kMinimax, "minimax"},
                                                         {kNonSaturating, "non_saturating"},
                                                         {kHinge, "hinge"},
                                                         {kLeastSquares, "least_squares"}});
}

struct GanConfig {
  GanLoss loss = GanLoss::kMinimax;
  double lambda = 100.0;
  double l1 = 0.0;
  double feature_matching = 0.0;
  double r1 = 0.0;
  int64_t r1_every = 16;
  int64_t dim = 32;
  bool patch = true;
  bool spectral_norm = true;
  double discriminator_lr_scale = 1.0;

  template <class Fields>
  void describe(Fields& field) {
    field("loss", loss)
        .help(
            "The adversarial losses; minimax also sums the squared error over an image's "
            "masked values, the others average it.");
    field("lambda", lambda)
        .range(0.0, 1e6)
        .help(
            "Weight of the adversarial loss relative to the generator's squared error: about 100 "
            "for minimax's sum at 32 x 32 pixels, about 0.1 for a mean.");
    field("l1", l1).range(0.0, 1e6).help(
        "Weight of the mean absolute error of the masked values; 0: not computed.");
    field("feature_matching", feature_matching)
        .range(0.0, 1e6)
        .help(
            "Weight of the distance between the discriminator's activations for inpainted and for "
            "real images; 0: not computed.");
    field("r1", r1).range(0.0, 1e6).help(
        "Weight of the R1 penalty on the discriminator's gradient at real images; 0: not "
        "computed.");
    field("r1_every", r1_every)
        .range(1, 1024)
        .help("Compute R1 for one random image in n only, with n times the weight.");
    field("dim", dim)
        .range(8, 1024)
        .help("Channels of the discriminator's first layer; each of the next two doubles them.");
    field("patch", patch)
        .help("Classify patches of an image separately, instead of the image as a whole.");
    field("spectral_norm", spectral_norm)
        .help("Divide the discriminator's weights by their largest singular values.");
    field("discriminator_lr_scale", discriminator_lr_scale)
        .range(0.0, 100.0)
        .help("The discriminator's learning rate as a multiple of optimizer.learning_rate.");
  }
};

}  // namespace gm
