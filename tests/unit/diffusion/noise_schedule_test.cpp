#include "diffusion/noise_schedule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace gm {
namespace {

TEST(NoiseSchedule, AlphaBarFallsFromOneToZero) {
  for (const auto& [kind, name] : names_of(NoiseScheduleKind())) {
    const NoiseSchedule schedule = make_noise_schedule(kind, 100);
    for (size_t t = 1; t < 100; ++t) {
      EXPECT_LT(schedule.alpha_bar[t], schedule.alpha_bar[t - 1]) << name;
    }
    EXPECT_GT(schedule.alpha_bar.front(), 0.99) << name;
    EXPECT_LT(schedule.alpha_bar.back(), 1e-4) << name;
    EXPECT_EQ(schedule.posterior_variance.front(), 0.0) << name;
  }
}

TEST(NoiseSchedule, FewStepsKeepBetaBelowOne) {
  for (const auto& [kind, name] : names_of(NoiseScheduleKind())) {
    for (const int64_t steps : {1, 2, 5}) {
      for (const double beta : make_noise_schedule(kind, steps).beta) {
        EXPECT_GT(beta, 0) << name << steps;
        EXPECT_LE(beta, 0.999) << name << steps;
      }
    }
    EXPECT_THROW(make_noise_schedule(kind, 0), InputError) << name;
  }
}

TEST(NoiseSchedule, SigmoidHasTheFormulaOfThePaper) {
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  const NoiseSchedule schedule = sigmoid_schedule(200);
  for (size_t t = 0; t < 199; ++t) {  // the last beta is limited
    const double x = 6 * static_cast<double>(t + 1) / 200 - 3;
    const double expected = (sigmoid(3) - sigmoid(x)) / (sigmoid(3) - sigmoid(-3));
    EXPECT_NEAR(schedule.alpha_bar[t], expected, 1e-12) << t;
  }
  EXPECT_EQ(schedule.beta.back(), 0.999);
}

TEST(NoiseSchedule, RespacedWithAllTimestepsIsTheSame) {
  const NoiseSchedule schedule = linear_schedule(1000);
  const NoiseSchedule same = respaced(schedule, schedule.timesteps);
  EXPECT_EQ(same.beta, schedule.beta);
  EXPECT_EQ(same.alpha_bar, schedule.alpha_bar);
  EXPECT_EQ(same.posterior_x0, schedule.posterior_x0);
  EXPECT_EQ(same.posterior_xt, schedule.posterior_xt);
  EXPECT_EQ(same.posterior_variance, schedule.posterior_variance);
  EXPECT_EQ(same.timesteps, schedule.timesteps);
}

TEST(NoiseSchedule, RespacedKeepsTheNoiseOfItsTimesteps) {
  const NoiseSchedule schedule = cosine_schedule(100);
  const std::vector<int64_t> timesteps{0, 1, 30, 98, 99};
  const NoiseSchedule some = respaced(schedule, timesteps);
  EXPECT_EQ(some.steps(), 5);
  EXPECT_EQ(some.timesteps, timesteps);
  for (size_t k = 0; k < timesteps.size(); ++k) {
    const double alpha_bar = schedule.alpha_bar[static_cast<size_t>(timesteps[k])];
    EXPECT_NEAR(some.alpha_bar[k] / alpha_bar, 1, 1e-12) << k;
  }
  EXPECT_NEAR(some.beta[2], 1 - schedule.alpha_bar[30] / schedule.alpha_bar[1], 1e-15);
}

}  // namespace
}  // namespace gm
