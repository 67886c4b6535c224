#include "nn/unet.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace gm {
namespace {

const ModelConfig kUnetSmall = {.dim = 8, .dim_mults = {1, 2}};

Condition steps(int64_t count) { return {.time = at::arange(count, at::kLong)}; }

TEST(Unet, KeepsTheSizeAndReturnsChannelsLast) {
  Unet network(kUnetSmall, {2, 2}, /*seed=*/1);
  for (const auto& [height, width] : {std::pair{2, 2}, {6, 10}, {16, 4}}) {
    const at::Tensor y = network.forward(at::randn({3, 2, height, width}), steps(3));
    EXPECT_EQ(y.sizes(), (at::IntArrayRef{3, 2, height, width}));
    EXPECT_TRUE(y.is_contiguous(at::MemoryFormat::ChannelsLast));
  }
}

TEST(Unet, WithoutTimestepsMapsInputToOutputChannels) {
  Unet network(kUnetSmall, {.in_channels = 4, .out_channels = 3, .time_conditioned = false},
               /*seed=*/1);
  EXPECT_EQ(network.forward(at::randn({2, 4, 6, 10}), {}).sizes(), (at::IntArrayRef{2, 3, 6, 10}));
}

TEST(Unet, RequiresTimestepsOnlyIfTimeConditioned) {
  Unet time_conditioned(kUnetSmall, {1, 1}, 1),
      unconditioned(kUnetSmall, {1, 1, /*time_conditioned=*/false}, 1);
  EXPECT_THROW(time_conditioned.forward(at::randn({1, 1, 8, 8}), {}), Error);
  EXPECT_THROW(unconditioned.forward(at::randn({1, 1, 8, 8}), steps(1)), Error);
}

TEST(Unet, ATimeMayBeAFraction) {
  Unet network(kUnetSmall, {1, 1}, 1);
  const at::Tensor x = at::randn({2, 1, 8, 8});
  const auto at_time = [&](float t) {
    return network.forward(x, {.time = at::full({2}, t)}).detach();
  };
  EXPECT_TRUE(at_time(1).equal(network.forward(x, {.time = at::ones({2}, at::kLong)})));
  EXPECT_FALSE(at_time(1.5).allclose(at_time(1)));
}

TEST(Unet, TheImageOfTheConditionIsFurtherChannelsOfTheInput) {
  Unet network(kUnetSmall, {.in_channels = 3, .out_channels = 1, .time_conditioned = false}, 1);
  const at::Tensor x = at::randn({2, 1, 8, 8}), image = at::randn({2, 2, 8, 8});
  EXPECT_TRUE(
      network.forward(x, {.image = image}).equal(network.forward(at::cat({x, image}, 1), {})));
}

TEST(Unet, InitialWeightsDependOnlyOnTheSeed) {
  const Unet one(kUnetSmall, {1, 1}, 5), same(kUnetSmall, {1, 1}, 5), other(kUnetSmall, {1, 1}, 6);
  const auto weights = one.named_parameters();
  for (const auto& parameter : same.named_parameters()) {
    EXPECT_TRUE(parameter.value().equal(weights[parameter.key()])) << parameter.key();
  }
  EXPECT_FALSE(other.named_parameters()["init_conv.weight"].equal(weights["init_conv.weight"]));
}

TEST(Unet, InitialWeightsFollowTheDefaults) {
  const auto weights = Unet({.dim = 16}, {3, 3}, 1).named_parameters();
  EXPECT_TRUE(weights["downs.0.0.block1.norm.weight"].eq(1).all().item<bool>());
  EXPECT_TRUE(weights["downs.0.0.block1.norm.bias"].eq(0).all().item<bool>());
  const at::Tensor uniform = weights["mid_block1.block1.proj.weight"];
  const double bound = 1.0 / std::sqrt(128.0 * 9.0);
  EXPECT_LE(uniform.abs().max().item<double>(), bound);
  EXPECT_NEAR(uniform.std().item<double>(), bound / std::sqrt(3.0), 0.01 * bound);
  EXPECT_LE(weights["init_conv.bias"].abs().max().item<double>(), 1.0 / std::sqrt(3.0 * 49.0));
}

TEST(Unet, MicroBatchesShareTheirPreparedWeights) {
  // Not width 8: with one channel per group, the gradient of a bias before the norm is only
  // rounding error.
  Unet network({.dim = 16, .dim_mults = {1, 2}}, {1, 1}, 1);
  const at::Tensor x = at::randn({4, 1, 8, 8});
  network.forward(x, steps(4)).square().sum().backward();
  std::vector<at::Tensor> whole;
  for (auto& parameter : network.parameters()) {
    whole.push_back(parameter.grad().clone());
    parameter.mutable_grad().zero_();
  }
  network.forward(x.narrow(0, 0, 2), steps(2)).square().sum().backward();
  network.forward(x.narrow(0, 2, 2), {.time = at::arange(2, 4)}).square().sum().backward();
  for (size_t i = 0; i < whole.size(); ++i) {
    const at::Tensor& sum = network.parameters()[i].grad();
    EXPECT_TRUE(sum.allclose(whole[i], 1e-4, 1e-4 * whole[i].norm().item<double>()));
  }
}

TEST(Unet, UsesNewWeightsAfterInvalidateCache) {
  Unet network(kUnetSmall, {1, 1}, 1);
  const at::NoGradGuard no_gradients;
  const at::Tensor x = at::randn({1, 1, 8, 8});
  const at::Tensor before = network.forward(x, steps(1));
  for (const auto& parameter : network.parameters()) parameter.mul_(1.5);
  network.invalidate_cache();
  EXPECT_FALSE(network.forward(x, steps(1)).allclose(before));
}

TEST(Unet, CanTrainAfterSampling) {
  Unet network(kUnetSmall, {1, 1}, 1);
  const at::Tensor x = at::randn({1, 1, 8, 8});
  {
    const at::NoGradGuard no_gradients;
    EXPECT_FALSE(network.forward(x, steps(1)).requires_grad());
  }
  network.forward(x, steps(1)).sum().backward();
  for (const auto& parameter : network.named_parameters()) {
    EXPECT_TRUE(parameter.value().grad().defined()) << parameter.key();
  }
}

TEST(Unet, RefusesInvalidWidths) {
  EXPECT_THROW(Unet({.dim = 12}, {3, 3}, 1), InputError);
  EXPECT_THROW(Unet({.dim = 0}, {3, 3}, 1), InputError);
  EXPECT_THROW(Unet({.dim = 8, .dim_mults = {}}, {3, 3}, 1), InputError);
  EXPECT_THROW(Unet({.dim = 8, .dim_mults = {1, 0}}, {3, 3}, 1), InputError);
}

}  // namespace
}  // namespace gm
