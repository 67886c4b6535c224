// Compares the diffusion process with denoising-diffusion-pytorch (diffusion_answers.py).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "answers.h"
#include "checkpoint/safetensors.h"
#include "counter_values.h"
#include "diffusion/gaussian_diffusion.h"

namespace gm::parity {
namespace {

constexpr int64_t kDiffusionSteps = 50;

at::Tensor keyed(uint64_t position, double low = -1.0, double high = 1.0) {
  return counter_uniform(0, kInputs, position, {3, 3, 8, 8}, low, high);
}

at::Tensor noise(int64_t draw) { return keyed(100 + static_cast<uint64_t>(draw), -2.0, 2.0); }

/// The network of diffusion_answers.py.
at::Tensor formula(const at::Tensor& x, const at::Tensor& t) {
  return 0.75 * x + 0.01 * t.view({-1, 1, 1, 1}) - 0.125;
}

class DiffusionParity : public testing::Test {
 protected:
  /// Allows a difference of at most `ulps` ULPs of float32 at the largest value of the oracle.
  void expect_equal(const at::Tensor& actual, const std::string& name, double ulps) const {
    const at::Tensor& known = expected_.at(name);
    ASSERT_EQ(actual.sizes(), known.sizes()) << name;
    const double scale = known.abs().max().item<double>() * 0x1p-23;
    EXPECT_LE((actual - known).abs().max().item<double>(), ulps * scale) << name;
  }

  void expect_equal(const std::vector<double>& actual, const std::string& name) const {
    expect_equal(at::tensor(actual, at::kDouble).to(at::kFloat), name, /*ulps=*/0.5);
  }

  TensorMap expected_ = load_safetensors(answer("diffusion.safetensors"));
  GaussianDiffusion diffusion_{{.steps = kDiffusionSteps}};
  at::Tensor x0_ = keyed(0);
  at::Tensor t_ = at::tensor({int64_t{0}, int64_t{17}, kDiffusionSteps - 1});
};

TEST_F(DiffusionParity, CosineScheduleAgrees) {
  for (const int64_t steps : {int64_t{1}, kDiffusionSteps, int64_t{1000}}) {
    const NoiseSchedule schedule = cosine_schedule(steps);
    const std::string suffix = fmt::format("_{}", steps);
    expect_equal(schedule.beta, "beta" + suffix);
    expect_equal(schedule.alpha_bar, "alpha_bar" + suffix);
    expect_equal(schedule.posterior_x0, "posterior_x0" + suffix);
    expect_equal(schedule.posterior_xt, "posterior_xt" + suffix);
    expect_equal(schedule.posterior_variance, "posterior_variance" + suffix);
  }
}

TEST_F(DiffusionParity, LinearScheduleAgrees) {
  for (const int64_t steps : {kDiffusionSteps, int64_t{1000}}) {
    const NoiseSchedule schedule = linear_schedule(steps);
    expect_equal(schedule.beta, fmt::format("linear_beta_{}", steps));
    expect_equal(schedule.alpha_bar, fmt::format("linear_alpha_bar_{}", steps));
  }
}

TEST_F(DiffusionParity, ForwardProcessAndLossAgree) {
  expect_equal(diffusion_.levels().add_noise(x0_, t_, noise(0)), "q_sample", 1);
  expect_equal(diffusion_.loss(formula, x0_, t_, noise(0)), "loss", 4);
  const GaussianDiffusion squared({.steps = kDiffusionSteps, .loss = DiffusionLoss::kL2});
  expect_equal(squared.loss(formula, x0_, t_, noise(0)), "loss_l2", 4);
}

TEST_F(DiffusionParity, PredictionAndPosteriorAgree) {
  const at::Tensor x = diffusion_.levels().add_noise(x0_, t_, noise(0));
  expect_equal(make_prediction(PredictionKind::kNoise)->x0(diffusion_.levels(), x, t_, noise(1)),
               "predicted_x0", 1);
  // A step without noise is the mean of the posterior.
  std::vector<at::Tensor> means;
  for (int64_t n = 0; n < x.size(0); ++n) {
    SamplingState state{.x = x.narrow(0, n, 1)};
    const at::Tensor x0 = x0_.narrow(0, n, 1);
    diffusion_.sampler().step([&](const at::Tensor&, const at::Tensor&) { return x0; },
                              t_[n].item<int64_t>(), [&] { return at::zeros_like(x0); }, state);
    means.push_back(state.x);
  }
  expect_equal(at::cat(means), "posterior_mean", 1);
}

TEST_F(DiffusionParity, SamplingLoopAgreesStepByStep) {
  std::vector<at::Tensor> images;
  std::vector<int64_t> steps;
  const at::Tensor sampled = diffusion_.sampler().sample(diffusion_.denoise_by(formula), noise,
                                                         [&](int64_t t, const at::Tensor& x) {
                                                           steps.push_back(t);
                                                           images.push_back(x);
                                                         });
  ASSERT_EQ(images.size(), static_cast<size_t>(kDiffusionSteps));
  EXPECT_EQ(steps.front(), kDiffusionSteps - 1);
  EXPECT_EQ(steps.back(), 0);
  expect_equal(images.front(), "sampled_after_first_step", 4);
  expect_equal(images[kDiffusionSteps / 2], "sampled_halfway", 16);
  // The last image of the oracle's loop is still in [-1, 1]. The oracle maps it to [0, 1]
  // afterwards.
  expect_equal(sampled, "sampled", 16);
}

}  // namespace
}  // namespace gm::parity
