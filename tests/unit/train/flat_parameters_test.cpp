#include "train/flat_parameters.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <cstdint>

#include "base/error.h"

namespace gm {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

/// A small network: a convolution in channels last, a bias whose size needs padding after it, a
/// scalar.
NamedTensors small_network() {
  const auto trainable = [](at::Tensor tensor) { return tensor.set_requires_grad(true); };
  return {
      {"conv.weight", trainable(at::arange(2 * 3 * 2 * 2, at::kFloat)
                                    .view({2, 3, 2, 2})
                                    .contiguous(at::MemoryFormat::ChannelsLast))},
      {"conv.bias", trainable(at::full({5}, 7.0f))},
      {"scale", trainable(at::full({}, 3.0f))},
  };
}

at::Tensor loss(const NamedTensors& network) {
  at::Tensor sum = at::zeros({});
  for (const auto& [name, tensor] : network) sum = sum + tensor.square().sum() / 2;
  return sum;  // Its gradient is the parameter itself.
}

TEST(FlatParametersTest, NetworkKeepsItsValuesShapesAndStrides) {
  const NamedTensors before = small_network();
  const NamedTensors network = small_network();
  const FlatParameters flat(network);
  for (size_t i = 0; i < network.size(); ++i) {
    const at::Tensor& tensor = network[i].second;
    EXPECT_TRUE(tensor.equal(before[i].second)) << network[i].first;
    EXPECT_EQ(tensor.strides(), before[i].second.strides());
    EXPECT_EQ(tensor.grad().strides(), tensor.strides());
    EXPECT_TRUE(tensor.requires_grad());
  }
  EXPECT_EQ(flat.parameter_count(), 24 + 5 + 1);
  EXPECT_EQ(flat.size(), 32 + 16 + 16);
}

TEST(FlatParametersTest, TensorsAreViewsThatStartOnCacheLines) {
  const NamedTensors network = small_network();
  const FlatParameters flat(network);
  for (const auto& [name, tensor] : network) {
    EXPECT_TRUE(tensor.is_alias_of(flat.parameters())) << name;
    EXPECT_TRUE(tensor.grad().is_alias_of(flat.gradients())) << name;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.const_data_ptr()) % 64, 0u) << name;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.grad().const_data_ptr()) % 64, 0u) << name;
  }
}

TEST(FlatParametersTest, BackwardFillsTheFlatGradientInPlace) {
  const NamedTensors network = small_network();
  FlatParameters flat(network);
  const void* address = flat.gradients().const_data_ptr();
  for (int pass = 1; pass <= 2; ++pass) {
    loss(network).backward();
    EXPECT_TRUE(flat.gradients().equal(flat.parameters() * pass)) << pass;
  }
  flat.zero_gradients();
  EXPECT_EQ(network[1].second.grad().count_nonzero().item<int>(), 0);
  loss(network).backward();
  EXPECT_TRUE(flat.gradients().equal(flat.parameters()));
  EXPECT_EQ(flat.gradients().const_data_ptr(), address);
}

TEST(FlatParametersTest, UpdatingTheBufferUpdatesTheNetworkAndKeepsThePaddingZero) {
  const NamedTensors network = small_network();
  FlatParameters flat(network);
  loss(network).backward();
  const at::Tensor step = at::ones({});
  at::_fused_adam_({flat.parameters()}, {flat.gradients()}, {flat.first_moments()},
                   {flat.second_moments()}, {}, {step}, /*lr=*/0.5, 0.9, 0.999,
                   /*weight_decay=*/0.1, /*eps=*/1e-8, /*amsgrad=*/false, /*maximize=*/false);
  EXPECT_NEAR(network[2].second.item<float>(), 2.5, 1e-4);  // 3 minus the learning rate
  for (const at::Tensor& buffer :
       {flat.parameters(), flat.gradients(), flat.first_moments(), flat.second_moments()}) {
    EXPECT_EQ(buffer.slice(0, 24, 32).count_nonzero().item<int>(), 0);
    EXPECT_EQ(buffer.slice(0, 37, 48).count_nonzero().item<int>(), 0);
    EXPECT_EQ(buffer.slice(0, 49, 64).count_nonzero().item<int>(), 0);
  }
}

TEST(FlatParametersTest, NamedViewsShowAnyBuffer) {
  const NamedTensors network = small_network();
  const FlatParameters flat(network);
  flat.first_moments().fill_(4);
  const NamedTensors views = flat.named_views(flat.first_moments());
  ASSERT_EQ(views.size(), network.size());
  for (size_t i = 0; i < views.size(); ++i) {
    EXPECT_EQ(views[i].first, network[i].first);
    EXPECT_TRUE(views[i].second.equal(at::full(network[i].second.sizes(), 4.0f)));
    EXPECT_TRUE(views[i].second.is_alias_of(flat.first_moments()));
  }
}

TEST(FlatParametersTest, NetworkUsesTheMovingAverageInsideTheScope) {
  const NamedTensors network = small_network();
  FlatParameters flat(network);
  EXPECT_FALSE(flat.ema().defined());
  flat.keep_average();
  EXPECT_TRUE(flat.ema().equal(flat.parameters()));
  EXPECT_FALSE(flat.ema().is_alias_of(flat.parameters()));
  flat.ema().fill_(9);
  {
    const FlatParameters::UseEma scope(flat);
    EXPECT_EQ(network[2].second.item<float>(), 9);
  }
  EXPECT_EQ(network[2].second.item<float>(), 3);
  loss(network).backward();  // The gradients are still in the flat buffer.
  EXPECT_TRUE(flat.gradients().equal(flat.parameters()));
}

TEST(FlatParametersTest, HashDetectsOneBit) {
  const NamedTensors network = small_network();
  const NamedTensors twin = small_network();
  const FlatParameters flat(network);
  const std::string before = flat.hash();
  EXPECT_EQ(FlatParameters(twin).hash(), before);
  flat.parameters()[24 + 8].mul_(1.0f + 1.2e-7f);
  EXPECT_NE(flat.hash(), before);
}

TEST(FlatParametersTest, RefusesUnsupportedParameters) {
  const auto trainable = [](at::Tensor tensor) { return tensor.set_requires_grad(true); };
  const auto expect_refused = [](const NamedTensors& parameters, const char* reason) {
    EXPECT_THAT([&] { FlatParameters flat(parameters); }, ThrowsMessage<Error>(HasSubstr(reason)));
  };
  expect_refused({}, "without trainable parameters");
  expect_refused({{"a", trainable(at::ones({2}, at::kDouble))}}, "a is Double");
  expect_refused({{"a", at::ones({2})}}, "a is not trainable");
  expect_refused({{"a", trainable(at::ones({2, 6}).slice(1, 0, 3))}}, "not dense in memory");
  expect_refused({{"a", trainable(at::ones({2}))}, {"a", trainable(at::ones({2}))}}, "called a");
}

}  // namespace
}  // namespace gm
