/// Configuration of the training: keys `train.*`, `optimizer.*`, `ema.*` and `sample.*`.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "comm/reducer_kind.h"

namespace gm {

/// The learning rate after the warm-up.
enum class LearningRateSchedule { kConstant, kCosine };
constexpr auto names_of(LearningRateSchedule) {
  using enum LearningRateSchedule;
  return std::to_array<std::pair<LearningRateSchedule, const char*>>(
      {{kConstant, "constant"}, {kCosine, "cosine"}});
}

/// The weights of a network that make samples: their moving average, or those of the last step. The
/// names are also those of the files of a checkpoint.
enum class SampleWeights { kEma, kModel };
constexpr auto names_of(SampleWeights) {
  using enum SampleWeights;
  return std::to_array<std::pair<SampleWeights, const char*>>({{kEma, "ema"}, {kModel, "model"}});
}

/// The floating-point type of the network.
enum class Precision { kFloat32 };
constexpr auto names_of(Precision) {
  return std::to_array<std::pair<Precision, const char*>>({{Precision::kFloat32, "float32"}});
}

/// Keys `train.*`.
struct TrainConfig {
  int64_t steps = 10000;
  int64_t batch_size = 32;
  int64_t accumulate = 2;
  Precision precision = Precision::kFloat32;
  ReducerKind reducer = ReducerKind::kBucketed;
  int64_t max_nonfinite = 10;
  int64_t verify_ranks_every = 500;

  /// Images in one optimizer step, over all ranks.
  int64_t samples_per_step() const { return batch_size * accumulate; }

  template <class Fields>
  void describe(Fields& field) {
    field("steps", steps).range(1, 1'000'000'000).help("Optimizer steps of the whole run.");
    field("batch_size", batch_size)
        .range(1, 1'000'000)
        .help("Images in a micro-batch of all ranks together; each rank processes an equal share.");
    field("accumulate", accumulate)
        .range(1, 10'000)
        .help("Micro-batches whose gradients are accumulated for one optimizer step.");
    field("precision", precision).help("Floating-point type of the network.");
    field("reducer", reducer)
        .help(
            "How the gradients are summed over the ranks: in buckets during the backward pass, or "
            "all at once after it.");
    field("max_nonfinite", max_nonfinite)
        .range(1, 1'000'000)
        .help(
            "The run ends after this many steps in a row with a loss or gradient that is not "
            "finite.");
    field("verify_ranks_every", verify_ranks_every)
        .range(0, 1'000'000'000)
        .help("Steps between checks that all ranks have equal parameters; 0 for none.");
  }
};

/// Keys `optimizer.*`: Adam (Kingma and Ba, 2015) and its learning rate schedule.
struct OptimizerConfig {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  int64_t warmup_steps = 0;
  LearningRateSchedule schedule = LearningRateSchedule::kConstant;
  double clip_norm = 0.0;

  template <class Fields>
  void describe(Fields& field) {
    field("learning_rate", learning_rate).range(0.0, 10.0).help("Peak learning rate of Adam.");
    field("beta1", beta1).range(0.0, 0.999999).help("Decay of Adam's first moment.");
    field("beta2", beta2).range(0.0, 0.9999999).help("Decay of Adam's second moment.");
    field("epsilon", epsilon).range(1e-16, 1.0).help("Added to Adam's denominator.");
    field("warmup_steps", warmup_steps)
        .range(0, 1'000'000'000)
        .help("Steps over which the learning rate rises linearly from zero.");
    field("schedule", schedule)
        .help(
            "Learning rate after the warm-up: constant, or a half cosine that falls to zero at "
            "train.steps.");
    field("clip_norm", clip_norm)
        .range(0.0, 1e9)
        .help(
            "Maximum norm of the gradient of all parameters; a larger gradient is scaled down to "
            "it. 0 for no clipping.");
  }
};

/// Keys `ema.*`: the exponential moving average of the weights. Its half-life is given in images,
/// so it does not depend on the batch size (Karras et al., "Elucidating the design space of
/// diffusion-based generative models", 2022).
struct EmaConfig {
  double half_life_images = 20'000;
  double ramp = 0.05;

  template <class Fields>
  void describe(Fields& field) {
    field("half_life_images", half_life_images)
        .range(0.0, 1e12)
        .help("Half-life of an old weight in the average, in images; 0 for no averaging.");
    field("ramp", ramp)
        .range(0.0, 1.0)
        .help(
            "Early on, the half-life is at most this share of the images seen so far; 0 for no "
            "ramp.");
  }
};

/// Keys `sample.*`: the grids of samples that a run writes.
struct SampleConfig {
  int64_t every = 1000;
  int64_t count = 64;
  int64_t batch_size = 64;
  SampleWeights weights = SampleWeights::kEma;

  template <class Fields>
  void describe(Fields& field) {
    field("every", every)
        .range(0, 1'000'000'000)
        .help("Steps between grids of samples; 0 for one at the end only.");
    field("count", count).range(1, 100'000).help("Images in a grid of samples.");
    field("batch_size", batch_size)
        .range(1, 100'000)
        .help("Images that a rank generates at a time; affects the memory, not the result.");
    field("weights", weights)
        .help("Weights to sample from: the moving average, or those of the last step.");
  }
};

}  // namespace gm
