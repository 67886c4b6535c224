// Compares the U-Net with that of denoising-diffusion-pytorch (unet_answers.py): names, output,
// gradients.
#include "nn/unet.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "answers.h"
#include "checkpoint/safetensors.h"
#include "counter_values.h"
#include "summaries.h"

namespace gm::parity {
namespace {

constexpr int64_t kUnetImages = 2;
constexpr int64_t kUnetSize = 32;
constexpr int64_t kUnetSteps = 50;

struct UnetCase {
  int64_t dim;
  DenoiserShape shape;
  std::string file;
};

UnetCase time_conditioned(int64_t dim, int64_t channels) {
  return {dim,
          {.in_channels = channels, .out_channels = channels},
          fmt::format("unet_dim{}_channels{}.safetensors", dim, channels)};
}

UnetCase unconditioned(int64_t dim, int64_t in, int64_t out) {
  return {dim,
          {.in_channels = in, .out_channels = out, .time_conditioned = false},
          fmt::format("unet_untimed_dim{}_in{}_out{}.safetensors", dim, in, out)};
}

void PrintTo(const UnetCase& c, std::ostream* out) { *out << c.file; }

class UnetParity : public testing::TestWithParam<UnetCase> {};

TEST_P(UnetParity, OutputAndEveryGradientAgree) {
  const auto& [dim, shape, file] = GetParam();
  const TensorMap expected = load_safetensors(answer(file));

  Unet network({.dim = dim}, shape, /*seed=*/1);
  set_weights(network);
  const at::Tensor x =
      counter_uniform(0, kInputs, 0, {kUnetImages, shape.in_channels, kUnetSize, kUnetSize});
  x.requires_grad_();
  const at::Tensor t = at::tensor({int64_t{3}, kUnetSteps - 1});
  const at::Tensor output = network.forward(x, {.time = shape.time_conditioned ? t : at::Tensor()});
  (output * counter_uniform(0, kInputs, 1, output.sizes())).sum().backward();

  EXPECT_LT(largest(output - expected.at("output")), 1e-5 * largest(expected.at("output")));
  EXPECT_LT((x.grad() - expected.at("input_gradient")).norm().item<double>(),
            1e-4 * expected.at("input_gradient").norm().item<double>());
  const at::Tensor gradients = expected.at("gradients");
  // If a group has one channel, the group norm removes the bias of the convolution. The gradient of
  // that bias is only rounding error, in proportion to all gradients and not to this one.
  const double rounding = 1e-7 * gradients.select(1, 0).norm().item<double>();
  uint64_t index = 0;
  for (const auto& parameter : network.named_parameters()) {
    const at::Tensor known = gradients[static_cast<int64_t>(index)];
    const at::Tensor error = summary(index, parameter.value().grad()) - known;
    EXPECT_LT(largest(error), 1e-4 * known[0].item<double>() + rounding) << parameter.key();
    ++index;
  }
  EXPECT_EQ(index, gradients.size(0));
}

INSTANTIATE_TEST_SUITE_P(Widths, UnetParity,
                         testing::Values(time_conditioned(8, 1), time_conditioned(8, 3),
                                         time_conditioned(16, 1), time_conditioned(16, 3),
                                         time_conditioned(64, 1), time_conditioned(64, 3),
                                         unconditioned(16, 2, 1), unconditioned(16, 4, 3)));

std::vector<std::string> lines_of(const std::string& name) {
  std::ifstream file(answer(name));
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> parameter_lines(const Unet& network) {
  std::vector<std::string> lines;
  for (const auto& parameter : network.named_parameters()) {
    std::ostringstream line;
    line << parameter.key();
    for (const int64_t size : parameter.value().sizes()) line << ' ' << size;
    lines.push_back(line.str());
  }
  return lines;
}

TEST(UnetNames, EqualThoseOfDenoisingDiffusionPytorchInTheSameOrder) {
  const std::vector<std::string> expected = lines_of("unet_parameters.txt");
  ASSERT_EQ(expected.size(), 276U);
  EXPECT_THAT(parameter_lines(Unet({.dim = 16}, {3, 3}, /*seed=*/1)),
              testing::ElementsAreArray(expected));
}

TEST(UnetNames, HaveNoTimeLayersWithoutTimeConditioning) {
  const std::vector<std::string> expected = lines_of("unet_untimed_parameters.txt");
  ASSERT_EQ(expected.size(), 276U - 4U - 2U * 19U);  // Without time_mlp, and mlp.1 of the blocks.
  EXPECT_THAT(parameter_lines(Unet({.dim = 16}, {4, 3, /*time_conditioned=*/false}, /*seed=*/1)),
              testing::ElementsAreArray(expected));
}

}  // namespace
}  // namespace gm::parity
