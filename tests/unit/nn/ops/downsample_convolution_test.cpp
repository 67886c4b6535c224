#include "nn/ops/downsample_convolution.h"

#include <limits>

#include "unit/nn/ops/agreement.h"

namespace gm::ops {
namespace {

struct DownsampleCase {
  int64_t images, in, out, height, width;
};

/// Odd sizes, whose last row or column of pixels affects no or few outputs; a single output pixel;
/// several images at a time; several panels of channels; any number of input channels; a number of
/// output channels that is not a multiple of 8, which only the plain form supports.
const DownsampleCase kDownsampleCases[] = {
    {2, 8, 8, 2, 2},     {3, 16, 16, 32, 32}, {1, 24, 40, 7, 5}, {2, 32, 64, 8, 8},
    {5, 16, 32, 3, 16},  {1, 64, 8, 9, 30},   {2, 3, 16, 8, 8},  {3, 7, 24, 9, 11},
    {9, 128, 136, 8, 8}, {2, 16, 5, 8, 8}};

void PrintTo(const DownsampleCase& c, std::ostream* out) {
  *out << c.images << 'x' << c.in << '-' << c.out << 'x' << c.height << 'x' << c.width;
}

class DownsampleConvolution : public testing::TestWithParam<DownsampleCase> {};

INSTANTIATE_TEST_SUITE_P(Cases, DownsampleConvolution, testing::ValuesIn(kDownsampleCases));

TEST_P(DownsampleConvolution, AgreesWithThePlainForm) {
  const DownsampleCase c = GetParam();
  at::manual_seed(1);
  const Tensors inputs = {images({c.images, c.in, c.height, c.width}),
                          at::randn({c.out, c.in, 4, 4}), at::randn({c.out})};
  for (const int threads : {1, 2}) {
    const Threads limit(threads);
    expect_agreement(
        [](const Tensors& in) { return downsample_convolution(in[0], in[1], in[2]); },
        [](const Tensors& in) { return downsample_convolution_plain(in[0], in[1], in[2]); },
        inputs);
  }
}

/// Requests each gradient alone. The others are not computed, and the result does not change.
TEST(DownsampleConvolution, ComputesEachGradientWithoutTheOthers) {
  const Tensors inputs = {images({2, 3, 8, 8}), at::randn({16, 3, 4, 4}), at::randn({16})};
  const auto gradients = [&](const std::vector<bool>& wanted) {
    Tensors variables;
    for (size_t i = 0; i < inputs.size(); ++i) {
      variables.push_back(inputs[i].clone().detach().requires_grad_(wanted[i]));
    }
    downsample_convolution(variables[0], variables[1], variables[2]).square().sum().backward();
    Tensors result;
    for (const Tensor& variable : variables) result.push_back(variable.grad());
    return result;
  };
  const Tensors all = gradients({true, true, true});
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::vector<bool> wanted(inputs.size());
    wanted[i] = true;
    const Tensors one = gradients(wanted);
    for (size_t j = 0; j < inputs.size(); ++j) EXPECT_EQ(one[j].defined(), i == j);
    EXPECT_TRUE(one[i].equal(all[i])) << i;
  }
}

TEST(DownsampleConvolution, UsesThePlainFormForOtherLayouts) {
  const Tensor x = at::randn({2, 16, 6, 6});
  const Tensor weight = at::randn({8, 16, 4, 4}), bias = at::randn({8});
  EXPECT_TRUE(
      downsample_convolution(x, weight, bias).equal(downsample_convolution_plain(x, weight, bias)));
}

TEST(DownsampleConvolution, PropagatesNaN) {
  Tensor x = images({2, 16, 8, 8});
  x[1][3][4][5] = std::numeric_limits<float>::quiet_NaN();
  const Tensor y = downsample_convolution(x, at::randn({8, 16, 4, 4}), at::randn({8}));
  EXPECT_TRUE(y[0].isfinite().all().item<bool>());
  EXPECT_TRUE(y[1].isnan().any().item<bool>());
}

}  // namespace
}  // namespace gm::ops
