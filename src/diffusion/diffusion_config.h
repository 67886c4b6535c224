/// The diffusion process: its steps, noise schedule, what the network is given and predicts, and
/// the loss.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

namespace gm {

/// noise_schedule.h has their formulas.
enum class NoiseScheduleKind { kCosine, kLinear, kSigmoid };
constexpr auto names_of(NoiseScheduleKind) {
  using enum NoiseScheduleKind;
  return std::to_array<std::pair<NoiseScheduleKind, const char*>>(
      {{kCosine, "cosine"}, {kLinear, "linear"}, {kSigmoid, "sigmoid"}});
}

/// prediction.h has their formulas.
enum class PredictionKind { kNoise, kX0, kVelocity };
constexpr auto names_of(PredictionKind) {
  using enum PredictionKind;
  return std::to_array<std::pair<PredictionKind, const char*>>(
      {{kNoise, "noise"}, {kX0, "x0"}, {kVelocity, "velocity"}});
}

/// How the error of a prediction is measured: diffusion_loss.h has the formulas.
enum class DiffusionLoss { kL1, kL2, kHuber };
constexpr auto names_of(DiffusionLoss) {
  using enum DiffusionLoss;
  return std::to_array<std::pair<DiffusionLoss, const char*>>(
      {{kL1, "l1"}, {kL2, "l2"}, {kHuber, "huber"}});
}

/// How much each timestep counts in the loss: loss_weight.h has the formulas.
enum class LossWeightKind { kUniform, kMinSnr };
constexpr auto names_of(LossWeightKind) {
  using enum LossWeightKind;
  return std::to_array<std::pair<LossWeightKind, const char*>>(
      {{kUniform, "uniform"}, {kMinSnr, "min_snr"}});
}

/// What the network is given besides the noisy image and the timestep.
enum class DiffusionCondition { kNone, kInpaint, kClass };
constexpr auto names_of(DiffusionCondition) {
  using enum DiffusionCondition;
  return std::to_array<std::pair<DiffusionCondition, const char*>>(
      {{kNone, "none"}, {kInpaint, "inpaint"}, {kClass, "class"}});
}

struct DiffusionConfig {
  int64_t steps = 50;
  NoiseScheduleKind schedule = NoiseScheduleKind::kCosine;
  bool clamp = true;
  DiffusionCondition condition = DiffusionCondition::kNone;
  double label_dropout = 0.1;
  PredictionKind prediction = PredictionKind::kNoise;
  DiffusionLoss loss = DiffusionLoss::kL1;
  LossWeightKind loss_weight = LossWeightKind::kUniform;
  double min_snr_gamma = 5.0;

  template <class Fields>
  void describe(Fields& field) {
    field("steps", steps).range(1, 100000).help("Steps between an image and pure noise.");
    field("schedule", schedule).help("The noise schedule.");
    field("clamp", clamp).help("Clamp the predicted image to [-1, 1] at each reverse step.");
    field("condition", condition)
        .help(
            "Input of the network besides the noisy image: none, a masked image's known pixels "
            "and its mask (inpaint), or the class of the image.");
    field("label_dropout", label_dropout)
        .range(0.0, 1.0)
        .help(
            "With diffusion.condition = \"class\", the fraction of images that are trained "
            "without their class, which sampler.guidance needs.");
    field("prediction", prediction)
        .help("What the network predicts: the noise, the clean image, or the velocity.");
    field("loss", loss)
        .help(
            "The error of the prediction: absolute (l1), squared (l2), or huber, which is "
            "squared below 1 and absolute above.");
    field("loss_weight", loss_weight)
        .help(
            "How much each timestep counts in the loss: all the same, or min_snr, which limits "
            "the weight of timesteps with little noise.");
    field("min_snr_gamma", min_snr_gamma)
        .range(0.01, 1000.0)
        .help("The signal-to-noise ratio from which min_snr limits the weight.");
  }
};

}  // namespace gm
