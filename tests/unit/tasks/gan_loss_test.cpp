#include "tasks/gan_loss.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "base/enum_names.h"
#include "nn/discriminator.h"

namespace gm {
namespace {

constexpr GanLoss kKinds[] = {GanLoss::kMinimax, GanLoss::kNonSaturating, GanLoss::kHinge,
                              GanLoss::kLeastSquares};

double value(const at::Tensor& x) { return x.item<double>(); }

TEST(AdversarialLoss, MinimaxMatchesItsFormulas) {
  const AdversarialLoss loss(GanLoss::kMinimax);
  const at::Tensor real = at::tensor({0.3, -1.2}), fake = at::tensor({2.0, -0.4});
  const auto d = [](double logit) { return 1 / (1 + std::exp(-logit)); };
  EXPECT_NEAR(value(loss.generator_loss(fake)), -(std::log(d(2.0)) + std::log(d(-0.4))) / 2, 1e-9);
  EXPECT_NEAR(value(loss.real_loss(real)), -(std::log(d(0.3)) + std::log(d(-1.2))) / 2, 1e-9);
  EXPECT_NEAR(value(loss.fake_loss(fake)), -(std::log(1 - d(2.0)) + std::log(1 - d(-0.4))) / 2,
              1e-9);
  EXPECT_NEAR(value(loss.probability(fake)), (d(2.0) + d(-0.4)) / 2, 1e-9);
}

TEST(AdversarialLoss, StaysFiniteAtExtremeLogits) {
  for (const GanLoss kind : kKinds) {
    const AdversarialLoss loss(kind);
    for (const float size : {1e4F, -1e4F}) {
      const at::Tensor logits = at::full({4, 1, 2, 2}, size).requires_grad_();
      const at::Tensor sum =
          loss.generator_loss(logits) + loss.real_loss(logits) + loss.fake_loss(logits);
      sum.backward();
      EXPECT_TRUE(std::isfinite(value(sum))) << name_of(kind) << " at " << size;
      EXPECT_TRUE(logits.grad().isfinite().all().item<bool>()) << name_of(kind) << " at " << size;
    }
  }
  // A loss that computes the probability first would round it to 0 and lose the gradient.
  const at::Tensor logits = at::full({1}, -1e4F).requires_grad_();
  AdversarialLoss(GanLoss::kMinimax).generator_loss(logits).backward();
  EXPECT_EQ(logits.grad().item<float>(), -1.F);
}

TEST(AdversarialLoss, OfABatchIsTheMeanOverItsHalves) {
  const at::Tensor logits = at::randn({6, 1, 2, 2}, at::kDouble);
  const auto halves = logits.chunk(2);
  for (const GanLoss kind : kKinds) {
    const AdversarialLoss loss(kind);
    EXPECT_NEAR(value(loss.generator_loss(logits)),
                value(loss.generator_loss(halves[0]) + loss.generator_loss(halves[1])) / 2, 1e-12);
    EXPECT_NEAR(value(loss.real_loss(logits)),
                value(loss.real_loss(halves[0]) + loss.real_loss(halves[1])) / 2, 1e-12);
    EXPECT_NEAR(value(loss.fake_loss(logits)),
                value(loss.fake_loss(halves[0]) + loss.fake_loss(halves[1])) / 2, 1e-12);
  }
}

TEST(AdversarialLoss, ChanceLossIsTheMinimumForAConstantDiscriminator) {
  const at::Tensor same = at::arange(-3, 3.005, 0.01, at::kDouble);
  for (const GanLoss kind : kKinds) {
    const AdversarialLoss loss(kind);
    double least = std::numeric_limits<double>::infinity();
    for (const at::Tensor& logit : same.unbind()) {
      least = std::min(least, value(loss.real_loss(logit) + loss.fake_loss(logit)));
    }
    EXPECT_NEAR(loss.chance_loss(), least, 1e-6) << name_of(kind);
  }
}

TEST(R1Penalty, IsHalfTheSquaredGradientNorm) {
  Discriminator network({.channels = 1, .height = 8, .width = 8, .dim = 8, .patch = false}, 1);
  const at::Tensor x = at::randn({2, 1, 8, 8});
  // The gradient by central differences, pixel by pixel.
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

/// The place of an image in the micro-batch determines its shard. Choosing every 16th place would
/// always choose the same shards.
TEST(ChosenForR1, CoverAllShardsEqually) {
  constexpr int64_t kBatch = 32, kShards = 8, kEvery = 16, kBatches = 500;
  std::array<int64_t, kShards> chosen{};
  for (int64_t m = 0; m < kBatches; ++m) {
    const at::Tensor positions = at::arange(m * kBatch, (m + 1) * kBatch, at::kLong);
    for (const at::Tensor& i : chosen_for_r1(positions, kEvery, /*seed=*/1).unbind()) {
      ++chosen[i.item<int64_t>() / (kBatch / kShards)];
    }
  }
  constexpr double kExpected = static_cast<double>(kBatch) * kBatches / kEvery / kShards;
  for (const int64_t count : chosen) EXPECT_NEAR(count, kExpected, 4 * std::sqrt(kExpected));
}

TEST(ChosenForR1, DependOnlyOnSeedAndPosition) {
  const at::Tensor positions = at::arange(1000, 1064, at::kLong);
  const auto chosen = [&](int64_t first, int64_t count, uint64_t seed) {
    return positions.index_select(
        0, chosen_for_r1(positions.narrow(0, first, count), /*every=*/4, seed) + first);
  };
  const at::Tensor whole = chosen(0, 64, 1);
  for (const int64_t part : {1, 2, 16, 32}) {  // as on ranks or in micro-batches
    std::vector<at::Tensor> parts;
    for (int64_t first = 0; first < 64; first += part) parts.push_back(chosen(first, part, 1));
    EXPECT_TRUE(at::cat(parts).equal(whole)) << part;
  }
  EXPECT_FALSE(chosen(0, 64, 2).equal(whole));
  EXPECT_EQ(chosen_for_r1(positions, /*every=*/1, 1).numel(), 64);
}

TEST(FeatureDistance, IsTheMeanOverLayersOfTheMeanDifference) {
  const DiscriminatorOutput ones{.logits = at::zeros({1}),
                                 .activations = {at::ones({2, 3}), at::ones({4})}};
  const DiscriminatorOutput others{.logits = at::zeros({1}),
                                   .activations = {at::full({2, 3}, 3.F), at::zeros({4})}};
  EXPECT_NEAR(value(feature_distance(ones, others)), (2.0 + 1.0) / 2, 1e-6);
}

}  // namespace
}  // namespace gm
