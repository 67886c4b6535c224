// The fused update against Adam as its paper writes it, in double precision.
#include "train/adam.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace gm {
namespace {

/// One parameter of Adam by the book.
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

  constexpr double kDivisor = 4.0;
  for (int t = 1; t <= 50; ++t) {
    const double rate = 0.01 / t;
    const auto gradient = at::randn({37});
    flat.zero_gradients();
    weights.grad().copy_(gradient);
    adam_update(flat, config, rate, t, kDivisor);
    for (int64_t i = 0; i < 37; ++i) {
      expected[i].update(config, rate, gradient[i].item<double>() / kDivisor, t);
    }
  }
  for (int64_t i = 0; i < 37; ++i) {
    EXPECT_NEAR(weights[i].item<double>(), expected[i].weight, 2e-6) << i;
  }
}

}  // namespace
}  // namespace gm
