// Compares the features of EfficientNet-Lite0 with PyTorch and Pillow (lite0_answers.py).
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "answers.h"
#include "checkpoint/safetensors.h"
#include "counter_values.h"
#include "eval/efficientnet_lite0.h"

namespace gm::parity {
namespace {

/// The range of the weights in the script.
std::pair<double, double> lite0_range(const std::string& name, at::IntArrayRef shape) {
  if (shape.size() == 4) {
    const double bound =
        1.8 / std::sqrt(static_cast<double>(c10::multiply_integers(shape.slice(1))));
    return {-bound, bound};
  }
  if (name.ends_with("running_mean")) return {-0.3, 0.3};
  if (name.ends_with("running_var")) return {0.5, 1.5};
  return name.ends_with("bias") ? std::pair(-0.3, 0.7) : std::pair(0.8, 1.6);
}

TensorMap lite0_weights(const TensorMap& answers) {
  constexpr std::string_view kPrefix = "shape.";
  TensorMap weights;
  for (const auto& [key, value] : answers) {
    if (!key.starts_with(kPrefix)) continue;
    const std::string name = key.substr(kPrefix.size());
    const at::IntArrayRef shape(value.const_data_ptr<int64_t>(),
                                static_cast<size_t>(value.numel()));
    const auto [low, high] = lite0_range(name, shape);
    weights[name] = counter_uniform(0, kWeights, weights.size(), shape, low, high);
  }
  return weights;
}

TEST(Lite0Parity, FeaturesAgree) {
  const TensorMap answers = load_safetensors(answer("lite0.safetensors"));
  CounterRng random(0, kInputs, 0);
  at::Tensor images = at::empty({3, 3, 40, 40}, at::kFloat);
  std::generate_n(images.data_ptr<float>(), images.numel(),
                  [&] { return static_cast<float>(random.next() >> 24) / 127.5F - 1; });
  EfficientNetLite0 network(lite0_weights(answers), "generated", at::kCPU);
  const at::Tensor actual = network.features(images);
  EXPECT_EQ(actual.sizes(), at::IntArrayRef({3, network.dimension()}));
  EXPECT_LE((actual - answers.at("features")).abs().max().item<double>(), 1e-4);
}

}  // namespace
}  // namespace gm::parity
