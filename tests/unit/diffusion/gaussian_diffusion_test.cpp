#include "diffusion/gaussian_diffusion.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace gm {
namespace {

at::Tensor no_noise(const at::Tensor& x, const at::Tensor&) { return at::zeros_like(x); }

TEST(Prediction, X0FollowsFromTheTargetThatTheNetworkLearns) {
  const NoiseLevels levels(cosine_schedule(20));
  const at::Tensor x0 = at::rand({4, 3, 8, 8}) * 2 - 1;
  const at::Tensor noise = at::randn({4, 3, 8, 8});
  const at::Tensor t = at::tensor({int64_t{0}, int64_t{5}, int64_t{10}, int64_t{15}});
  const at::Tensor x = levels.add_noise(x0, t, noise);
  for (const auto& [kind, name] : names_of(PredictionKind())) {
    const auto prediction = make_prediction(kind);
    const at::Tensor target = prediction->target(levels, x0, t, noise);
    EXPECT_TRUE(prediction->x0(levels, x, t, target).allclose(x0, 1e-4, 1e-4)) << name;
  }
}

TEST(Prediction, TargetsAreThoseOfTheLiterature) {
  const NoiseSchedule schedule = cosine_schedule(20);
  const NoiseLevels levels(schedule);
  const at::Tensor x0 = at::full({1, 1, 1, 1}, 0.5), noise = at::full({1, 1, 1, 1}, -2.0);
  const at::Tensor t = at::full({1}, 7, at::kLong);
  const auto target = [&](PredictionKind kind) {
    return make_prediction(kind)->target(levels, x0, t, noise).item<double>();
  };
  EXPECT_EQ(target(PredictionKind::kNoise), -2);
  EXPECT_EQ(target(PredictionKind::kX0), 0.5);
  const double alpha_bar = schedule.alpha_bar[7];
  EXPECT_NEAR(target(PredictionKind::kVelocity),
              -2 * std::sqrt(alpha_bar) - 0.5 * std::sqrt(1 - alpha_bar), 1e-6);
}

TEST(GaussianDiffusion, LossIsZeroForTheExactTargetOfEachPrediction) {
  const at::Tensor x0 = at::rand({4, 1, 8, 8}) * 2 - 1, noise = at::randn({4, 1, 8, 8});
  const at::Tensor t = at::tensor({int64_t{1}, int64_t{5}, int64_t{10}, int64_t{15}});
  for (const auto& [kind, name] : names_of(PredictionKind())) {
    const GaussianDiffusion diffusion({.steps = 20, .prediction = kind});
    const at::Tensor target = make_prediction(kind)->target(diffusion.levels(), x0, t, noise);
    const auto loss = [&](double error) {
      const auto network = [&](const at::Tensor&, const at::Tensor&) { return target + error; };
      return diffusion.loss(network, x0, t, noise).item<double>();
    };
    EXPECT_EQ(loss(0), 0) << name;
    EXPECT_NEAR(loss(0.25), 0.25, 1e-5) << name;
  }
}

TEST(GaussianDiffusion, ClampsThePredictedImageIfConfigured) {
  const at::Tensor x = at::full({1, 1, 2, 2}, 5.0F);
  const GaussianDiffusion clamped({.steps = 10, .clamp = true});
  const GaussianDiffusion free({.steps = 10, .clamp = false});
  const at::Tensor t = at::zeros({1}, at::kLong);
  EXPECT_LE(clamped.denoise_by(no_noise)(x, t).max().item<float>(), 1.0F);
  EXPECT_GT(free.denoise_by(no_noise)(x, t).max().item<float>(), 4.0F);
}

TEST(GaussianDiffusion, SamplingDrawsEachNoiseOnceAndKeepsNoGraph) {
  std::vector<int64_t> draws;
  const NoiseSource source = [&](int64_t draw) {
    draws.push_back(draw);
    return at::randn({2, 1, 4, 4});
  };
  const at::Tensor scale = at::ones({1}).requires_grad_();
  const auto network = [&](const at::Tensor& x, const at::Tensor&) { return x * scale; };
  const GaussianDiffusion diffusion({.steps = 4});
  const at::Tensor x = diffusion.sampler().sample(diffusion.denoise_by(network), source);
  EXPECT_EQ(draws, (std::vector<int64_t>{4, 3, 2, 1}));
  EXPECT_FALSE(x.requires_grad());
}

TEST(GaussianDiffusion, KeepsChannelsLast) {
  const auto last = at::MemoryFormat::ChannelsLast;
  const GaussianDiffusion diffusion({.steps = 4});
  const NoiseSource source = [&](int64_t) { return at::randn({2, 3, 4, 4}).contiguous(last); };
  EXPECT_TRUE(
      diffusion.sampler().sample(diffusion.denoise_by(no_noise), source).is_contiguous(last));
  EXPECT_TRUE(diffusion.levels()
                  .add_noise(source(0), at::zeros({2}, at::kLong), source(0))
                  .is_contiguous(last));
}

/// A sampler of one step: all that a new one needs to be used in place of the others.
class OneStepSampler final : public Sampler {
 public:
  using Sampler::Sampler;
  void step(const Denoise& denoise, int64_t k, const StepNoise&,
            SamplingState& state) const override {
    state.x = denoise(state.x, at::full({state.x.size(0)}, timestep(k), at::kLong));
  }
};

TEST(Sampler, ANewOneNeedsOnlyItsSteps) {
  const GaussianDiffusion diffusion(
      {.steps = 4, .clamp = false, .prediction = PredictionKind::kX0});
  const Denoise denoise =
      diffusion.denoise_by([](const at::Tensor& x, const at::Tensor&) { return x / 2; });
  std::vector<int64_t> seen;
  const at::Tensor x = OneStepSampler(respaced(diffusion.schedule(), {3}))
                           .sample(
                               denoise,
                               [](int64_t draw) {
                                 return at::full({1, 1, 2, 2}, draw);
                               },
                               [&](int64_t t, const at::Tensor&) { seen.push_back(t); });
  EXPECT_TRUE(x.eq(2).all().item<bool>()) << x;
  EXPECT_EQ(seen, (std::vector<int64_t>{3}));
}

}  // namespace
}  // namespace gm
