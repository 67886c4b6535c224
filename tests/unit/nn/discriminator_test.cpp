#include "nn/discriminator.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "support/expect_error.h"

namespace gm {
namespace {

const DiscriminatorShape kDiscriminatorSmall = {.channels = 3, .height = 16, .width = 24, .dim = 8};

at::Tensor images(int64_t count = 2) {
  return at::randn({count, 3, 16, 24}).contiguous(at::MemoryFormat::ChannelsLast);
}

DiscriminatorShape whole() {
  DiscriminatorShape shape = kDiscriminatorSmall;
  shape.patch = false;
  return shape;
}

DiscriminatorShape normalized() {
  DiscriminatorShape shape = kDiscriminatorSmall;
  shape.spectral_norm = true;
  return shape;
}

bool has_gradients(const Discriminator& network) {
  for (const at::Tensor& parameter : network.parameters()) {
    if (parameter.grad().defined() && parameter.grad().ne(0).any().item<bool>()) return true;
  }
  return false;
}

TEST(Discriminator, ReturnsALogitPerPatchOrPerImage) {
  EXPECT_EQ(Discriminator(kDiscriminatorSmall, 1).forward(images()).logits.sizes(),
            (at::IntArrayRef{2, 1, 2, 3}));
  EXPECT_EQ(Discriminator(whole(), 1).forward(images()).logits.sizes(),
            (at::IntArrayRef{2, 1, 1, 1}));
}

TEST(Discriminator, ReturnsTheActivationsOfItsInnerLayers) {
  const DiscriminatorOutput output = Discriminator(kDiscriminatorSmall, 1).forward(images());
  ASSERT_EQ(output.activations.size(), 3U);
  EXPECT_EQ(output.activations[0].sizes(), (at::IntArrayRef{2, 8, 8, 12}));
  EXPECT_EQ(output.activations[2].sizes(), (at::IntArrayRef{2, 32, 2, 3}));
}

TEST(Discriminator, DoesNotDependOnOtherImagesOfTheBatch) {
  Discriminator network(kDiscriminatorSmall, 1);
  const at::Tensor x = images(4);
  const at::Tensor alone = network.forward(x.narrow(0, 1, 1)).logits;
  EXPECT_TRUE(network.forward(x).logits.narrow(0, 1, 1).allclose(alone, 1e-5, 1e-6));
}

TEST(Discriminator, PlainOperatorsGiveTheSameLogitsAndGradients) {
  for (const DiscriminatorShape& shape : {kDiscriminatorSmall, whole(), normalized()}) {
    Discriminator network(shape, 1);
    const at::Tensor x = images();
    const at::Tensor fast = network.forward(x).logits;
    fast.square().sum().backward();
    std::vector<at::Tensor> gradients;
    for (auto& parameter : network.parameters()) {
      gradients.push_back(parameter.grad().clone());
      parameter.mutable_grad().zero_();
    }
    const at::Tensor plain = network.forward_plain(x).logits;
    plain.square().sum().backward();
    EXPECT_TRUE(fast.allclose(plain, 1e-4, 1e-5));
    for (size_t i = 0; i < gradients.size(); ++i) {
      const at::Tensor& gradient = network.parameters()[i].grad();
      EXPECT_TRUE(gradient.allclose(gradients[i], 1e-3, 1e-5 * gradients[i].norm().item<double>()));
    }
  }
}

TEST(Discriminator, RefusesImagesThatAreTooSmall) {
  expect_error<InputError>([] { Discriminator({.channels = 3, .height = 7, .width = 32}, 1); },
                           testing::HasSubstr("at least 8 pixels"));
  EXPECT_NO_THROW(Discriminator({.channels = 1, .height = 8, .width = 9}, 1));
}

TEST(FrozenWeights, GetNoGradientButPassItToTheInput) {
  for (const DiscriminatorShape& shape : {kDiscriminatorSmall, normalized()}) {
    Discriminator network(shape, 1);
    const at::Tensor x = images().requires_grad_();
    at::Tensor logits;
    {
      const FrozenWeights frozen(network);
      logits = network.forward(x).logits;
    }
    logits.sum().backward();  // after the weights are no longer frozen
    EXPECT_GT(x.grad().abs().sum().item<double>(), 0);
    EXPECT_FALSE(has_gradients(network));
  }
}

/// The weights that a network caches must not carry the graph of one pass, or its absence, to the
/// next pass.
TEST(FrozenWeights, DoNotAffectOtherPasses) {
  for (const DiscriminatorShape& shape : {kDiscriminatorSmall, normalized()}) {
    Discriminator network(shape, 1);
    const auto pass = [&] { network.forward(images()).logits.sum().backward(); };
    const auto frozen_pass = [&] {
      const FrozenWeights frozen(network);
      const at::Tensor x = images().requires_grad_();
      network.forward(x).logits.sum().backward();
    };
    frozen_pass();
    EXPECT_FALSE(has_gradients(network));
    pass();
    EXPECT_TRUE(has_gradients(network));
    for (auto& parameter : network.parameters()) parameter.mutable_grad().zero_();
    frozen_pass();
    EXPECT_FALSE(has_gradients(network));
  }
}

}  // namespace
}  // namespace gm
