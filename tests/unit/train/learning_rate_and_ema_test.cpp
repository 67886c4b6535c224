// The learning rate schedules and the decay of the moving average, against their closed forms.
#include <gtest/gtest.h>

#include <cmath>

#include "train/ema.h"
#include "train/learning_rate.h"

namespace gm {
namespace {

TEST(LearningRate, StaysConstantByDefault) {
  const OptimizerConfig config{.learning_rate = 0.5};
  for (int64_t step : {0, 1, 999}) EXPECT_DOUBLE_EQ(learning_rate_at(config, step, 1000), 0.5);
}

TEST(LearningRate, RisesLinearlyDuringWarmUp) {
  const OptimizerConfig config{.learning_rate = 1.0, .warmup_steps = 4};
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 0, 100), 0.2);
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 3, 100), 0.8);
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 4, 100), 1.0);
}

TEST(LearningRate, FallsAsHalfACosineToZero) {
  const OptimizerConfig config{
      .learning_rate = 2.0, .warmup_steps = 10, .schedule = LearningRateSchedule::kCosine};
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 10, 110), 2.0);
  EXPECT_NEAR(learning_rate_at(config, 60, 110), 1.0, 1e-12);
  EXPECT_NEAR(learning_rate_at(config, 35, 110), 1.0 + std::sqrt(0.5), 1e-12);
  EXPECT_NEAR(learning_rate_at(config, 110, 110), 0.0, 1e-12);
}

TEST(LearningRate, IsDefinedWhenTheWarmUpFillsTheRun) {
  const OptimizerConfig config{
      .learning_rate = 1.0, .warmup_steps = 10, .schedule = LearningRateSchedule::kCosine};
  EXPECT_NEAR(learning_rate_at(config, 10, 10), 1.0, 1e-12);
}

TEST(EmaDecay, HalvesTheShareOfOldWeightsEveryHalfLife) {
  const EmaConfig config{.half_life_images = 1000, .ramp = 0};
  double share = 1.0;
  for (int step = 0; step < 100; ++step) share *= ema_decay(config, 10, 10 * step);
  EXPECT_NEAR(share, 0.5, 1e-12);
}

TEST(EmaDecay, RampsWithTheImagesSeen) {
  const EmaConfig config{.half_life_images = 1000, .ramp = 0.05};
  EXPECT_DOUBLE_EQ(ema_decay(config, 10, 0), 0.0);
  EXPECT_DOUBLE_EQ(ema_decay(config, 10, 200), 0.5);
  EXPECT_DOUBLE_EQ(ema_decay(config, 10, 1'000'000), std::exp2(-0.01));
}

TEST(EmaDecay, ZeroHalfLifeMeansNoAveraging) {
  EXPECT_EQ(ema_decay(EmaConfig{.half_life_images = 0}, 64, 1'000'000), 0.0);
}

}  // namespace
}  // namespace gm
