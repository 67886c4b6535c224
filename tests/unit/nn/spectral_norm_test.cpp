#include "nn/spectral_norm.h"

#include <gtest/gtest.h>

#include "nn/discriminator.h"

namespace gm {
namespace {

at::Tensor largest_singular_value(const at::Tensor& weight) {
  return at::linalg_svdvals(weight.detach().flatten(1)).max();
}

class Layer : public Network {
 public:
  Layer()
      : scope(*this, 1, at::kCPU),
        weight(scope.uniform("weight", {6, 5, 4, 4}, 80)),
        norm(scope, weight) {}

  ParameterScope scope;
  at::Tensor weight;
  SpectralNorm norm;
};

TEST(SpectralNorm, ScalesTheLargestSingularValueToOne) {
  const Layer layer;
  for (int i = 0; i < 200; ++i) layer.norm.iterate(layer.weight);
  EXPECT_NEAR(largest_singular_value(layer.norm.normalized(layer.weight)).item<double>(), 1, 1e-4);
}

TEST(SpectralNorm, FollowsWeightsThatChange) {
  const Layer layer;
  const at::Tensor grown = layer.weight.detach() * 3;
  for (int i = 0; i < 200; ++i) layer.norm.iterate(grown);
  EXPECT_NEAR(largest_singular_value(layer.norm.normalized(grown)).item<double>(), 1, 1e-4);
}

TEST(SpectralNorm, GradientIsThatOfTheQuotientForEveryPass) {
  const Layer layer;
  const NamedTensors state = layer.buffer_list();
  ASSERT_EQ(state.size(), 2U);
  const at::Tensor u = state[0].second, v = state[1].second;
  const at::Tensor weighting = at::randn_like(layer.weight);
  const at::Tensor plain = layer.weight.detach().clone().requires_grad_();
  (plain / u.dot(plain.flatten(1).mv(v)) * weighting).sum().backward();

  const at::Tensor normalized = layer.norm.normalized(layer.weight);
  for (int pass = 1; pass <= 2; ++pass) {
    (normalized * weighting).sum().backward();
    EXPECT_TRUE(layer.weight.grad().allclose(pass * plain.grad(), 1e-4, 1e-5));
  }
}

TEST(SpectralNorm, VectorsAreBuffersOfTheNetwork) {
  Discriminator network(
      {.channels = 3, .height = 8, .width = 8, .dim = 8, .patch = true, .spectral_norm = true}, 1);
  const NamedTensors buffers = network.buffer_list();
  ASSERT_EQ(buffers.size(), 8U);
  EXPECT_EQ(buffers.front().first, "convs.0.weight_u");
  const at::Tensor before = buffers.front().second.clone();
  network.forward(at::randn({1, 3, 8, 8}));
  EXPECT_TRUE(buffers.front().second.equal(before)) << "a forward pass does not iterate";
  network.iterate_spectral_norms();
  EXPECT_FALSE(buffers.front().second.equal(before));
}

}  // namespace
}  // namespace gm
