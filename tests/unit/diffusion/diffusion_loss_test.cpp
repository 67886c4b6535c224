#include "diffusion/diffusion_loss.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "diffusion/gaussian_diffusion.h"
#include "diffusion/loss_weight.h"

namespace gm {
namespace {

at::Tensor errors_of(std::vector<float> values) {
  return at::tensor(values).view({2, 1, 1, static_cast<int64_t>(values.size()) / 2});
}

TEST(DiffusionLoss, MeasuresTheErrorsByItsFormula) {
  const at::Tensor errors = errors_of({0.5F, -3, 0, 2}), nothing = at::zeros_like(errors);
  const auto loss = [&](DiffusionLoss kind, const at::Tensor& weights = {}) {
    return diffusion_loss(kind, errors, nothing, weights).item<double>();
  };
  EXPECT_DOUBLE_EQ(loss(DiffusionLoss::kL1), 5.5 / 4);
  EXPECT_DOUBLE_EQ(loss(DiffusionLoss::kL2), 13.25 / 4);
  EXPECT_DOUBLE_EQ(loss(DiffusionLoss::kHuber), (0.125 + 2.5 + 1.5) / 4);
  const at::Tensor weights = at::tensor({2.0F, 0.5F});
  EXPECT_DOUBLE_EQ(loss(DiffusionLoss::kL1, weights), (2 * 3.5 + 0.5 * 2) / 4);
  EXPECT_DOUBLE_EQ(loss(DiffusionLoss::kL2, weights), (2 * 9.25 + 0.5 * 4) / 4);
}

TEST(DiffusionLoss, TheLossesOfImagesAreThoseOfTheImagesAlone) {
  const at::Tensor errors = errors_of({0.5F, -3, 0, 2}), nothing = at::zeros_like(errors);
  for (const at::Tensor& weights : {at::Tensor(), at::tensor({2.0F, 0.5F})}) {
    for (const auto kind : {DiffusionLoss::kL1, DiffusionLoss::kL2, DiffusionLoss::kHuber}) {
      const at::Tensor losses = diffusion_losses(kind, errors, nothing, weights);
      for (int64_t i = 0; i < 2; ++i) {
        const at::Tensor alone = errors.narrow(0, i, 1);
        EXPECT_FLOAT_EQ(losses[i].item<float>(),
                        diffusion_loss(kind, alone, at::zeros_like(alone),
                                       weights.defined() ? weights.narrow(0, i, 1) : at::Tensor())
                            .item<float>());
      }
    }
  }
}

TEST(LossWeight, MinSnrHasTheFormulasOfThePaper) {
  const auto of = [](PredictionKind kind, double snr) {
    return loss_weight({.loss_weight = LossWeightKind::kMinSnr}, snr,
                       make_prediction(kind)->x0_error(snr));
  };
  for (const double snr : {0.001, 0.5, 4.9, 5.1, 1000.0}) {
    const double limited = std::min(snr, 5.0);
    EXPECT_DOUBLE_EQ(of(PredictionKind::kX0, snr), limited);
    EXPECT_DOUBLE_EQ(of(PredictionKind::kNoise, snr), limited / snr);
    EXPECT_DOUBLE_EQ(of(PredictionKind::kVelocity, snr), limited / (snr + 1));
  }
}

/// The weighted loss of a network whose predicted clean images are wrong by `error`.
double loss_of_x0_error(PredictionKind kind, int64_t timestep, double error) {
  const GaussianDiffusion diffusion({.steps = 20,
                                     .prediction = kind,
                                     .loss = DiffusionLoss::kL2,
                                     .loss_weight = LossWeightKind::kMinSnr});
  const auto prediction = make_prediction(kind);
  const at::Tensor x0 = at::zeros({1, 1, 4, 4}), noise = at::ones({1, 1, 4, 4});
  const at::Tensor t = at::full({1}, timestep, at::kLong);
  // For the same noisy image, the target of other clean images with the noise that is left.
  const auto& levels = diffusion.levels();
  const at::Tensor wrong_x0 = x0 + error;
  const at::Tensor wrong_noise =
      (levels.add_noise(x0, t, noise) - levels.signal(t) * wrong_x0) / levels.noise(t);
  const at::Tensor output = prediction->target(levels, wrong_x0, t, wrong_noise);
  return diffusion.loss([&](const at::Tensor&, const at::Tensor&) { return output; }, x0, t, noise)
      .item<double>();
}

TEST(LossWeight, MinSnrCountsAnErrorOfTheImageAlikeWhateverTheNetworkPredicts) {
  const NoiseSchedule schedule = cosine_schedule(20);
  for (const int64_t t : {1, 5, 12, 18}) {
    const double alpha_bar = schedule.alpha_bar[static_cast<size_t>(t)];
    const double expected = std::min(alpha_bar / (1 - alpha_bar), 5.0) * 0.25;
    for (const auto& [kind, name] : names_of(PredictionKind())) {
      EXPECT_NEAR(loss_of_x0_error(kind, t, 0.5) / expected, 1, 1e-4) << name << t;
    }
  }
}

TEST(LossWeight, EachImageHasTheWeightOfItsTimestep) {
  const GaussianDiffusion diffusion({.steps = 10,
                                     .prediction = PredictionKind::kX0,
                                     .loss_weight = LossWeightKind::kMinSnr,
                                     .min_snr_gamma = 0.5});
  const at::Tensor t = at::tensor({int64_t{0}, int64_t{8}});
  const auto off_by_one = [](const at::Tensor& x, const at::Tensor&) { return at::ones_like(x); };
  const at::Tensor loss =
      diffusion.loss(off_by_one, at::zeros({2, 1, 2, 2}), t, at::zeros({2, 1, 2, 2}));
  const double low = diffusion.schedule().alpha_bar[8];
  EXPECT_NEAR(loss.item<double>(), (0.5 + low / (1 - low)) / 2, 1e-6);
}

}  // namespace
}  // namespace gm
