// The 3x3 convolution against ATen's in double precision.
#include "nn/ops/convolution3x3.h"

#include <limits>
#include <random>

#include "unit/nn/ops/agreement.h"

namespace gm::ops {
namespace {

/// A size for which a weight is prepared. It selects the kernel of the forward pass, for images of
/// any size. The size of the images selects the kernel of the backward pass.
struct Kernel {
  const char* name;
  int64_t size;
};

constexpr Kernel kDirect = {"direct", 1};
constexpr Kernel kWinograd = {"Winograd's", 32};

/// The operator over (x, weight, bias, skip), computed by that kernel.
Function by(const Kernel& kernel) {
  return [kernel](const Tensors& in) {
    return convolution3x3(in[0], prepare_convolution3x3(in[1], kernel.size, kernel.size), in[2],
                          in[3]);
  };
}

Tensor convolution_plain(const Tensors& in) {
  return convolution3x3_plain(in[0], in[1], in[2], in[3]);
}

struct ConvolutionCase {
  int64_t images, channels, skip, out, height, width;
};

void PrintTo(const ConvolutionCase& c, std::ostream* stream) {
  *stream << c.images << 'x' << c.channels << '+' << c.skip << "->" << c.out << " at " << c.height
          << 'x' << c.width;
}

/// Inputs of `shape`. The skip input is undefined if it has no channels.
Tensors convolution_inputs(const ConvolutionCase& shape) {
  const int64_t in = shape.channels + shape.skip;
  const auto of = [&](int64_t channels) {
    return channels == 0 ? Tensor() : images({shape.images, channels, shape.height, shape.width});
  };
  return {of(shape.channels), at::randn({shape.out, in, 3, 3}), at::randn({shape.out}),
          of(shape.skip)};
}

/// Whole and partial tiles; fewer and more tiles than a block; every remainder of the products'
/// rows and columns; the shapes of the network; numbers of channels that no kernel supports; images
/// of up to 2x2 pixels, whose gradients the direct kernel computes; numbers of channels of the wide
/// kernel, in whole and partial panels, with tiles for several chunks.
const ConvolutionCase kConvolutionCases[] = {
    {2, 8, 0, 8, 5, 9},       {1, 16, 0, 16, 1, 1},    {3, 16, 8, 24, 7, 7},
    {1, 24, 16, 8, 28, 28},   {2, 16, 0, 16, 32, 32},  {2, 32, 16, 32, 16, 16},
    {5, 64, 32, 64, 8, 8},    {3, 128, 64, 128, 4, 4}, {2, 40, 0, 56, 3, 17},
    {4, 8, 64, 16, 2, 6},     {2, 3, 0, 16, 6, 6},     {2, 16, 0, 5, 6, 6},
    {2, 16, 3, 16, 6, 6},     {2, 3, 5, 8, 6, 6},      {1, 70, 0, 1, 9, 4},
    {3, 16, 8, 24, 2, 2},     {2, 8, 16, 8, 1, 2},     {4, 24, 8, 16, 2, 1},
    {5, 64, 32, 64, 2, 2},    {2, 128, 64, 40, 1, 2},  {1, 40, 24, 56, 2, 1},
    {2, 8, 8, 8, 1, 1},       {2, 104, 0, 144, 7, 5},  {1, 136, 72, 72, 9, 9},
    {5, 136, 0, 120, 28, 28},
};

class Convolution3x3 : public testing::TestWithParam<ConvolutionCase> {
 protected:
  void SetUp() override { at::manual_seed(1); }
};

INSTANTIATE_TEST_SUITE_P(Shapes, Convolution3x3, testing::ValuesIn(kConvolutionCases));

TEST_P(Convolution3x3, AgreesWithThePlainForm) {
  for (const Kernel& kernel : {kDirect, kWinograd}) {
    SCOPED_TRACE(kernel.name);
    expect_agreement(by(kernel), convolution_plain, convolution_inputs(GetParam()));
  }
}

TEST(Convolution3x3Kernel, RandomShapesAgreeWithThePlainForm) {
  std::mt19937 random(7);
  const auto draw = [&](int64_t lowest, int64_t highest) {
    return std::uniform_int_distribution<int64_t>(lowest, highest)(random);
  };
  for (int i = 0; i < 60; ++i) {
    // Every other shape has numbers of channels that the kernels support.
    const int64_t unit = i % 2 == 0 ? 8 : 1;
    const auto channels = [&](int64_t lowest) { return unit * draw(lowest, 70 / unit); };
    const ConvolutionCase shape = {draw(1, 5),  channels(1), draw(0, 1) * channels(1),
                                   channels(1), draw(1, 19), draw(1, 19)};
    SCOPED_TRACE(testing::PrintToString(shape));
    expect_agreement(by(i % 3 == 0 ? kDirect : kWinograd), convolution_plain,
                     convolution_inputs(shape));
  }
}

TEST(Convolution3x3Kernel, PacksWeightsOnlyForItsKernels) {
  const Tensor weight = at::randn({16, 24, 3, 3});
  const auto floats = [&](const Kernel& kernel) {
    return prepare_convolution3x3(weight, kernel.size, kernel.size).packed_weight.numel();
  };
  EXPECT_EQ(floats(kDirect), 9 * 16 * 24);
  EXPECT_EQ(floats(kWinograd), 36 * 16 * 24);
  // The wide kernel transforms the weight on each use.
  EXPECT_EQ(prepare_convolution3x3(at::randn({128, 128, 3, 3}), 8, 8).packed_weight.numel(),
            9 * 128 * 128);
  for (const Tensor& other : {at::randn({16, 20, 3, 3}), at::randn({12, 24, 3, 3}),
                              at::randn({16, 24, 3, 3}, at::kDouble)}) {
    EXPECT_FALSE(prepare_convolution3x3(other, 8, 8).packed_weight.defined());
  }
}

TEST(Convolution3x3Kernel, AcceptsInputsOfAnyLayout) {
  at::manual_seed(1);
  const Tensor x = at::randn({2, 16, 12, 9}), skip = at::randn({2, 8, 12, 9});
  const Tensor weight = at::randn({16, 24, 3, 3}), bias = at::randn({16});
  const Tensor expected = convolution_plain({x, weight, bias, skip});
  const Tensor wide = at::randn({2, 16, 12, 18}).slice(3, 0, 18, 2).copy_(x);
  const Tensor wide_bias = at::randn({32}).slice(0, 0, 32, 2).copy_(bias);
  for (const Tensor& input : {x, x.contiguous(kLast), wide}) {
    for (const Tensor& other : {skip, skip.contiguous(kLast)}) {
      for (const Tensor& shift : {bias, wide_bias}) {
        const Tensor y = by(kWinograd)({input, weight, shift, other});
        EXPECT_TRUE(y.allclose(expected, 1e-4, 1e-4));
      }
    }
  }
}

TEST(Convolution3x3Kernel, AccumulatesGradientsOverSeveralBackwardPasses) {
  at::manual_seed(1);
  const Tensors in = convolution_inputs({4, 16, 8, 16, 8, 8});
  const auto gradient = [&](const std::vector<std::pair<int64_t, int64_t>>& micro_batches) {
    const Tensor weight = in[1].detach().clone().requires_grad_();
    const Convolution3x3Weight prepared = prepare_convolution3x3(weight, 8, 8);
    for (const auto& [first, count] : micro_batches) {
      convolution3x3(in[0].narrow(0, first, count), prepared, in[2], in[3].narrow(0, first, count))
          .square()
          .sum()
          .backward();
    }
    return weight.grad();
  };
  EXPECT_TRUE(gradient({{0, 1}, {1, 3}}).allclose(gradient({{0, 4}}), 1e-4, 1e-3));
}

TEST(Convolution3x3Kernel, DoesNotDependOnTheNumberOfThreadsBeyondRounding) {
  at::manual_seed(1);
  for (const auto& [kernel, in] :
       {std::pair(kDirect, convolution_inputs({5, 16, 24, 16, 2, 2})),
        std::pair(kWinograd, convolution_inputs({5, 16, 24, 16, 9, 9})),
        std::pair(kWinograd, convolution_inputs({5, 120, 24, 112, 9, 9}))}) {
    const auto on_threads = [&f = kernel, &x = in](int count) {
      const Threads threads(count);
      return run(by(f), x, at::kFloat);
    };
    const Tensors one = on_threads(1);
    for (const int count : {2, 3}) {
      const Tensors several = on_threads(count);
      for (const size_t of_images : {0, 1, 4}) {
        EXPECT_TRUE(one[of_images].equal(several[of_images]));
      }
      for (const size_t of_parameters : {2, 3}) {
        EXPECT_TRUE(one[of_parameters].allclose(several[of_parameters], 1e-4, 1e-3));
      }
    }
  }
}

TEST(Convolution3x3Kernel, PropagatesNaN) {
  Tensors in = convolution_inputs({2, 16, 0, 8, 8, 8});
  in[0][1][3][4][5] = std::numeric_limits<float>::quiet_NaN();
  for (const Kernel& kernel : {kDirect, kWinograd}) {
    const Tensor y = by(kernel)(in);
    EXPECT_TRUE(y[0].isfinite().all().item<bool>());
    EXPECT_TRUE(y[1].isnan().any().item<bool>());
  }
}

/// Errors of `f` in single precision, in the result and in the gradients of all inputs. Each is the
/// norm of the error relative to the norm of the tensor.
std::vector<double> errors_of(const Function& f, const Tensors& in) {
  const Tensors actual = run(f, in, at::kFloat);
  const Tensors exact = run(convolution_plain, in, at::kDouble);
  std::vector<double> errors;
  for (size_t i = 0; i < exact.size(); ++i) {
    if (!exact[i].defined()) continue;
    errors.push_back(((actual[i] - exact[i]).norm() / exact[i].norm()).item<double>());
  }
  return errors;
}

/// The error of Winograd's kernel is at most ten times that of ATen's and of the direct kernel.
void expect_small_errors(const Tensors& in) {
  const std::vector<double> winograd = errors_of(by(kWinograd), in),
                            aten = errors_of(convolution_plain, in),
                            direct = errors_of(by(kDirect), in);
  for (size_t i = 0; i < winograd.size(); ++i) {
    EXPECT_LE(winograd[i], 10 * aten[i]) << i;
    EXPECT_LE(winograd[i], 10 * direct[i]) << i;
    EXPECT_LE(winograd[i], 3e-6) << i;
  }
}

class WinogradError : public Convolution3x3 {};

INSTANTIATE_TEST_SUITE_P(
    Shapes, WinogradError,
    testing::Values(ConvolutionCase{2, 8, 0, 8, 32, 32}, ConvolutionCase{2, 16, 0, 16, 32, 32},
                    ConvolutionCase{2, 32, 16, 32, 16, 16}, ConvolutionCase{2, 64, 0, 64, 9, 7},
                    ConvolutionCase{4, 128, 64, 128, 4, 4}, ConvolutionCase{4, 32, 0, 8, 5, 5},
                    ConvolutionCase{2, 192, 64, 192, 9, 7}));

TEST_P(WinogradError, IsSmallAtEveryScale) {
  for (const double scale : {1e-4, 1.0, 1e4}) {
    Tensors in = convolution_inputs(GetParam());
    in[0] *= scale;
    expect_small_errors(in);
    in[1] /= scale;
    expect_small_errors(in);
  }
}

/// Activations as after a SiLU: mostly positive, a few large channels, similar neighbours.
TEST_P(WinogradError, IsSmallForSmoothImagesWithAMean) {
  Tensors in = convolution_inputs(GetParam());
  for (const size_t i : {0, 3}) {
    if (!in[i].defined()) continue;
    const Tensor level = at::randn({in[i].size(0), in[i].size(1), 1, 1}) * 3;
    in[i] = at::silu(in[i] * 0.3 + level).contiguous(kLast);
  }
  expect_small_errors(in);
}

/// Weights as after long training: equal or opposite taps, so that their sum is far from zero or
/// near zero; channels of very different norms; few directions for all channels.
TEST_P(WinogradError, IsSmallForCorrelatedWeights) {
  const Tensor blur = at::tensor({1.0, 2.0, 1.0, 2.0, 4.0, 2.0, 1.0, 2.0, 1.0}).view({3, 3}) / 4;
  const Tensor edge = at::tensor({-1.0, 0.0, 1.0, -2.0, 0.0, 2.0, -1.0, 0.0, 1.0}).view({3, 3});
  const Tensor point = at::tensor({0.0, -1.0, 0.0, -1.0, 4.0, -1.0, 0.0, -1.0, 0.0}).view({3, 3});
  for (const Tensor& taps : {blur, edge, point}) {
    Tensors in = convolution_inputs(GetParam());
    const int64_t out = in[1].size(0), inner = in[1].size(1);
    const Tensor lengths = at::exp(1.5 * at::randn({out, 1, 1, 1}));
    const Tensor directions = at::matmul(at::randn({out, 2}), at::randn({2, inner}));
    in[1] = lengths * (directions.view({out, inner, 1, 1}) * taps + 0.1 * in[1]);
    in[1] = in[1].to(at::kFloat);
    expect_small_errors(in);
    in[0] = at::silu(in[0] * 0.3 + 2).contiguous(kLast);
    expect_small_errors(in);
  }
}

}  // namespace
}  // namespace gm::ops
