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

/// Two networks with equal weights, one of which has three classes.
class UnetWithClasses : public testing::Test {
 protected:
  at::Tensor run(const at::Tensor& labels) {
    return with_.forward(x_, {.time = t_, .labels = labels});
  }

  // Not width 8: see MicroBatchesShareTheirPreparedWeights.
  const ModelConfig model_{.dim = 16, .dim_mults = {1, 2}};
  Unet without_{model_, {1, 1}, 1};
  Unet with_{model_, {.in_channels = 1, .out_channels = 1, .classes = 3}, 1};
  const at::Tensor x_ = at::randn({4, 1, 8, 8}), t_ = at::arange(4);
};

TEST_F(UnetWithClasses, AddsOneParameterAtTheEnd) {
  const auto expected = without_.named_parameters(), found = with_.named_parameters();
  ASSERT_EQ(found.size(), expected.size() + 1);
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(found[i].key(), expected[i].key());
    EXPECT_TRUE(found[i].value().equal(expected[i].value())) << found[i].key();
  }
  EXPECT_EQ(found[expected.size()].key(), "label_emb.weight");
  EXPECT_EQ(found[expected.size()].value().sizes(), (at::IntArrayRef{4, 64}));
}

/// The embedding of a class is added to that of the timestep, and so to the bias of its last layer.
TEST_F(UnetWithClasses, TheEmbeddingOfAClassActsLikeABias) {
  const at::NoGradGuard no_gradients;
  const at::Tensor bias = without_.named_parameters()["time_mlp.3.bias"];
  const at::Tensor before = bias.clone();
  const at::Tensor embeddings = with_.named_parameters()["label_emb.weight"];
  std::vector<at::Tensor> outputs;
  for (int64_t label = 0; label <= 3; ++label) {
    bias.copy_(before + embeddings[label]);
    outputs.push_back(without_.forward(x_, {.time = t_}));
    EXPECT_TRUE(run(at::full({4}, label)).allclose(outputs.back(), 1e-4, 1e-5)) << label;
  }
  EXPECT_FALSE(outputs[0].allclose(outputs[3], 1e-2, 1e-2));
  const at::Tensor mixed = run(at::tensor({0, 2, 3, 2}, at::kLong));
  EXPECT_TRUE(mixed[1].allclose(outputs[2][1], 1e-4, 1e-5));
  EXPECT_TRUE(mixed[2].allclose(outputs[3][2], 1e-4, 1e-5));
}

TEST_F(UnetWithClasses, OnlyTheClassesOfTheBatchAreTrained) {
  run(at::tensor({0, 2, 2, 0}, at::kLong)).square().sum().backward();
  const auto parameters = with_.named_parameters();
  const at::Tensor gradient = parameters["label_emb.weight"].grad();
  EXPECT_GT(gradient[0].abs().max().item<float>(), 0);
  EXPECT_EQ(gradient[1].abs().max().item<float>(), 0);
  EXPECT_GT(gradient[2].abs().max().item<float>(), 0);
  EXPECT_EQ(gradient[3].abs().max().item<float>(), 0);
  // The bias of the same sum gets the gradients of all images.
  const at::Tensor sum = parameters["time_mlp.3.bias"].grad();
  EXPECT_TRUE(gradient.sum(0).allclose(sum, 1e-4, 1e-4 * sum.norm().item<double>()));
}

TEST_F(UnetWithClasses, LabelsAreNeededIfThereAreClassesAndOnlyThen) {
  EXPECT_THROW(run({}), Error);
  EXPECT_THROW(without_.forward(x_, {.time = t_, .labels = at::zeros({4}, at::kLong)}), Error);
  EXPECT_THROW(
      Unet(model_, {.in_channels = 1, .out_channels = 1, .time_conditioned = false, .classes = 3},
           1),
      Error);
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
