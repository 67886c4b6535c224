#include "tasks/gan_loss.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "nn/discriminator.h"

namespace gm {
namespace {

const char* const kNames[] = {"reference", "non_saturating", "hinge", "least_squares"};

double value(const at::Tensor& x) { return x.item<double>(); }

TEST(AdversarialLoss, ReferenceIsItsFormulas) {
  const AdversarialLoss loss("reference");
  const at::Tensor real = at::tensor({0.3, -1.2}), fake = at::tensor({2.0, -0.4});
  const auto d = [](double logit) { return 1 / (1 + std::exp(-logit)); };
  EXPECT_NEAR(value(loss.of_generator(fake)), -(std::log(d(2.0)) + std::log(d(-0.4))) / 2, 1e-9);
  EXPECT_NEAR(value(loss.of_real(real)), -(std::log(d(0.3)) + std::log(d(-1.2))) / 2, 1e-9);
  EXPECT_NEAR(value(loss.of_fake(fake)), -(std::log(1 - d(2.0)) + std::log(1 - d(-0.4))) / 2, 1e-9);
  EXPECT_NEAR(value(loss.probability(fake)), (d(2.0) + d(-0.4)) / 2, 1e-9);
}

TEST(AdversarialLoss, StaysFiniteAtLogitsThatAreSure) {
  for (const char* name : kNames) {
    const AdversarialLoss loss(name);
    for (const float size : {1e4F, -1e4F}) {
      const at::Tensor logits = at::full({4, 1, 2, 2}, size).requires_grad_();
      const at::Tensor sum =
          loss.of_generator(logits) + loss.of_real(logits) + loss.of_fake(logits);
      sum.backward();
      EXPECT_TRUE(std::isfinite(value(sum))) << name << " at " << size;
      EXPECT_TRUE(logits.grad().isfinite().all().item<bool>()) << name << " at " << size;
    }
  }
  // A probability would have been rounded to 0, and its gradient been lost.
  const at::Tensor logits = at::full({1}, -1e4F).requires_grad_();
  AdversarialLoss("reference").of_generator(logits).backward();
  EXPECT_EQ(logits.grad().item<float>(), -1.F);
}

TEST(AdversarialLoss, OfABatchIsTheMeanOverItsHalves) {
  const at::Tensor logits = at::randn({6, 1, 2, 2}, at::kDouble);
  const auto halves = logits.chunk(2);
  for (const char* name : kNames) {
    const AdversarialLoss loss(name);
    EXPECT_NEAR(value(loss.of_generator(logits)),
                value(loss.of_generator(halves[0]) + loss.of_generator(halves[1])) / 2, 1e-12);
    EXPECT_NEAR(value(loss.of_real(logits)),
                value(loss.of_real(halves[0]) + loss.of_real(halves[1])) / 2, 1e-12);
    EXPECT_NEAR(value(loss.of_fake(logits)),
                value(loss.of_fake(halves[0]) + loss.of_fake(halves[1])) / 2, 1e-12);
  }
}

TEST(AdversarialLoss, RefusesOtherNames) {
  EXPECT_THROW(AdversarialLoss("saturating"), InputError);
}

TEST(R1Penalty, IsHalfTheSquaredSlope) {
  Discriminator network({.channels = 1, .height = 8, .width = 8, .dim = 8, .patch = false}, 1);
  const at::Tensor x = at::randn({2, 1, 8, 8});
  // The slope by differences, pixel by pixel.
  constexpr double kStep = 1e-2;
  double squares = 0;
  {
    const at::NoGradGuard no_graph;
    for (int64_t i = 0; i < x.numel(); ++i) {
      const at::Tensor up = x.clone(), down = x.clone();
      up.view(-1)[i] += kStep;
      down.view(-1)[i] -= kStep;
      const at::Tensor rise = network.forward(up).logits.sum() - network.forward(down).logits.sum();
      squares += std::pow(value(rise) / (2 * kStep), 2);
    }
  }
  const at::Tensor penalty = r1_penalty(network, x);
  EXPECT_NEAR(value(penalty), squares / 2, 0.02 * squares);
  penalty.backward();
  EXPECT_GT(network.parameters()[0].grad().abs().sum().item<double>(), 0);
}

TEST(FeatureDistance, IsTheMeanOverLayersOfTheMeanDifference) {
  const Judgement ones{.logits = at::zeros({1}), .activations = {at::ones({2, 3}), at::ones({4})}};
  const Judgement others{.logits = at::zeros({1}),
                         .activations = {at::full({2, 3}, 3.F), at::zeros({4})}};
  EXPECT_NEAR(value(feature_distance(ones, others)), (2.0 + 1.0) / 2, 1e-6);
}

}  // namespace
}  // namespace gm
