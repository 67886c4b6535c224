// The fused update against the formulas of the Adam paper in double precision, and against PyTorch.
#include "train/adam.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support/threads.h"

namespace gm {
namespace {

/// Adam's formulas for one parameter.
struct PlainAdam {
  double weight, first = 0, second = 0;

  void update(const OptimizerConfig& config, double rate, double gradient, int t) {
    first = config.beta1 * first + (1 - config.beta1) * gradient;
    second = config.beta2 * second + (1 - config.beta2) * gradient * gradient;
    const double first_unbiased = first / (1 - std::pow(config.beta1, t));
    const double second_unbiased = second / (1 - std::pow(config.beta2, t));
    weight -= rate * first_unbiased / (std::sqrt(second_unbiased) + config.epsilon);
  }
};

TEST(Adam, EqualsTheFormulaOverManySteps) {
  const OptimizerConfig config{.beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6};
  const auto weights = at::randn({37}).requires_grad_();
  std::vector<PlainAdam> expected;
  for (int64_t i = 0; i < 37; ++i) expected.push_back({.weight = weights[i].item<double>()});
  FlatParameters flat({{"weights", weights}});
  flat.keep_average();
  std::vector<double> averages(37, 0.0);
  for (int64_t i = 0; i < 37; ++i) averages[i] = expected[i].weight;

  constexpr double kDivisor = 3.0, kDecay = 0.7;
  for (int t = 1; t <= 50; ++t) {
    const double rate = 0.01 / t;
    const auto gradient = at::randn({37});
    weights.grad().copy_(gradient);
    adam_update(
        flat, config,
        {.learning_rate = rate, .count = t, .gradient_divisor = kDivisor, .ema_decay = kDecay});
    for (int64_t i = 0; i < 37; ++i) {
      expected[i].update(config, rate, gradient[i].item<double>() / kDivisor, t);
      averages[i] += (1 - kDecay) * (expected[i].weight - averages[i]);
    }
  }
  for (int64_t i = 0; i < 37; ++i) {
    EXPECT_NEAR(weights[i].item<double>(), expected[i].weight, 2e-6) << i;
    EXPECT_NEAR(flat.ema()[i].item<double>(), averages[i], 2e-6) << i;
  }
}

/// The size gives several chunks, which the threads share, and a remainder.
class AdamAgainstPytorch : public testing::Test {
 protected:
  static constexpr int64_t kSize = 40'000;

  AdamAgainstPytorch() {
    own_.keep_average();
    plain_.keep_average();
  }

  void run(FlatParameters& flat, const auto& update, double ema_decay) const {
    for (int t = 1; t <= 5; ++t) {
      at::manual_seed(t);
      flat.gradients().copy_(at::randn({flat.size()}));
      update(flat, OptimizerConfig{},
             AdamUpdate{
                 .learning_rate = 0.01, .count = t, .gradient_divisor = 6, .ema_decay = ema_decay});
    }
  }

  at::Tensor initial_ = at::randn({kSize});
  at::Tensor first_ = initial_.clone().requires_grad_(),
             second_ = initial_.clone().requires_grad_();
  FlatParameters own_{{{"weights", first_}}}, plain_{{{"weights", second_}}};
};

TEST_F(AdamAgainstPytorch, AgreesUpToRounding) {
  run(own_, adam_update, 0.9);
  run(plain_, adam_update_plain, 0.9);
  const auto close = [](const at::Tensor& a, const at::Tensor& b) {
    return at::allclose(a, b, 2e-6, 1e-7);
  };
  EXPECT_TRUE(close(own_.parameters(), plain_.parameters()));
  EXPECT_TRUE(close(own_.ema(), plain_.ema()));
  EXPECT_TRUE(close(own_.first_moments(), plain_.first_moments()));
  EXPECT_TRUE(close(own_.second_moments(), plain_.second_moments()));
}

TEST_F(AdamAgainstPytorch, WithDecayZeroTheAverageEqualsTheWeights) {
  run(own_, adam_update, 0.0);
  EXPECT_TRUE(own_.ema().equal(own_.parameters()));
}

TEST_F(AdamAgainstPytorch, UpdatesTheSameWithoutAnAverage) {
  const at::Tensor third = initial_.clone().requires_grad_();
  FlatParameters bare{{{"weights", third}}};
  for (const auto update : {adam_update, adam_update_plain}) {
    run(bare, update, 0.9);
    run(own_, update, 0.9);
    EXPECT_TRUE(bare.parameters().equal(own_.parameters()));
    EXPECT_FALSE(bare.ema().defined());
  }
}

TEST_F(AdamAgainstPytorch, DoesNotDependOnTheNumberOfThreads) {
  const auto on_threads = [&](int count, FlatParameters& flat) {
    const Threads threads(count);
    run(flat, adam_update, 0.9);
  };
  on_threads(1, own_);
  on_threads(3, plain_);
  EXPECT_TRUE(own_.parameters().equal(plain_.parameters()));
  EXPECT_TRUE(own_.ema().equal(plain_.ema()));
}

}  // namespace
}  // namespace gm
