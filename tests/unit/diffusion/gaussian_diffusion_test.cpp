#include "diffusion/gaussian_diffusion.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace gm {
namespace {

at::Tensor no_noise(const at::Tensor& x, const at::Tensor&) { return at::zeros_like(x); }

TEST(NoiseSchedule, AlphaBarFallsFromOneToZero) {
  const NoiseSchedule schedule = cosine_schedule(100);
  for (size_t t = 1; t < 100; ++t) EXPECT_LT(schedule.alpha_bar[t], schedule.alpha_bar[t - 1]);
  EXPECT_GT(schedule.alpha_bar.front(), 0.999);
  EXPECT_LT(schedule.alpha_bar.back(), 1e-5);
  EXPECT_EQ(schedule.posterior_variance.front(), 0.0);
}

TEST(NoiseSchedule, RefusesInvalidSettings) {
  EXPECT_THROW(cosine_schedule(0), InputError);
  EXPECT_THROW(GaussianDiffusion({.schedule = "linear"}), InputError);
}

TEST(GaussianDiffusion, PredictsX0FromTheNoiseThatItAdded) {
  const GaussianDiffusion diffusion({.steps = 20});
  const at::Tensor x0 = at::rand({4, 3, 8, 8}) * 2 - 1;
  const at::Tensor noise = at::randn({4, 3, 8, 8});
  const at::Tensor t = at::tensor({int64_t{0}, int64_t{5}, int64_t{10}, int64_t{15}});
  const at::Tensor x = diffusion.q_sample(x0, t, noise);
  EXPECT_TRUE(diffusion.predict_x0(x, t, noise).allclose(x0, 1e-4, 1e-4));
}

TEST(GaussianDiffusion, ClampsThePredictedImageIfConfigured) {
  const at::Tensor x = at::full({1, 1, 2, 2}, 5.0F);
  const GaussianDiffusion clamped({.steps = 10, .clamp = true});
  const GaussianDiffusion free({.steps = 10, .clamp = false});
  EXPECT_LE(clamped.reverse_step(no_noise, x, 0, {}).max().item<float>(), 1.0F);
  EXPECT_GT(free.reverse_step(no_noise, x, 0, {}).max().item<float>(), 4.0F);
}

TEST(GaussianDiffusion, SamplingDrawsEachNoiseOnceAndKeepsNoGraph) {
  std::vector<int64_t> draws;
  const NoiseSource source = [&](int64_t draw) {
    draws.push_back(draw);
    return at::randn({2, 1, 4, 4});
  };
  const at::Tensor scale = at::ones({1}).requires_grad_();
  const auto network = [&](const at::Tensor& x, const at::Tensor&) { return x * scale; };
  const at::Tensor x = GaussianDiffusion({.steps = 4}).sample(network, source);
  EXPECT_EQ(draws, (std::vector<int64_t>{4, 3, 2, 1}));
  EXPECT_FALSE(x.requires_grad());
}

TEST(GaussianDiffusion, KeepsChannelsLast) {
  const auto last = at::MemoryFormat::ChannelsLast;
  const GaussianDiffusion diffusion({.steps = 4});
  const NoiseSource source = [&](int64_t) { return at::randn({2, 3, 4, 4}).contiguous(last); };
  EXPECT_TRUE(diffusion.sample(no_noise, source).is_contiguous(last));
  EXPECT_TRUE(
      diffusion.q_sample(source(0), at::zeros({2}, at::kLong), source(0)).is_contiguous(last));
}

}  // namespace
}  // namespace gm
