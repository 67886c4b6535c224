// Every operator with kernels against its plain ATen form in double precision: result and all
// gradients, over shapes.
#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>

#include <limits>

#include "nn/ops/attention.h"
#include "nn/ops/channel_layer_norm.h"
#include "nn/ops/convolution3x3.h"
#include "nn/ops/downsample_convolution.h"
#include "nn/ops/group_norm_silu.h"
#include "nn/ops/input_convolution.h"
#include "nn/ops/linear_attention.h"
#include "nn/ops/pointwise_convolution.h"
#include "nn/ops/standardize_weight.h"
#include "nn/ops/upsample_convolution.h"
#include "unit/nn/ops/agreement.h"

namespace gm::ops {
namespace {

struct Shape {
  int64_t images, channels, height, width;

  std::vector<int64_t> sizes() const { return {images, channels, height, width}; }
};

void PrintTo(const Shape& s, std::ostream* out) {
  *out << s.images << 'x' << s.channels << 'x' << s.height << 'x' << s.width;
}

/// One channel per group; odd numbers of pixels; fewer pixels than a block, a whole number of
/// blocks, and blocks with a remainder; a single pixel; a single image.
const Shape kShapes[] = {{2, 8, 5, 3},  {3, 16, 32, 32}, {1, 24, 7, 7}, {5, 32, 16, 3},
                         {2, 64, 8, 8}, {4, 128, 4, 4},  {3, 40, 1, 1}};

class OperatorShapes : public testing::TestWithParam<Shape> {
 protected:
  void SetUp() override { at::manual_seed(1); }

  const Shape& shape() const { return GetParam(); }
};

INSTANTIATE_TEST_SUITE_P(Shapes, OperatorShapes, testing::ValuesIn(kShapes));

TEST_P(OperatorShapes, GroupNormSilu) {
  const int64_t channels = shape().channels;
  const Tensor x = images(shape().sizes()) * 2 + 3;
  const Tensor weight = at::randn({channels}), bias = at::randn({channels});
  for (const bool with_scale : {false, true}) {
    for (const bool with_residual : {false, true}) {
      const Tensor scale_shift = with_scale ? at::randn({shape().images, 2 * channels}) : Tensor();
      const Tensor residual = with_residual ? images(shape().sizes()) : Tensor();
      const auto call = [](const auto& f) {
        return [&f](const Tensors& in) { return f(in[0], in[1], in[2], 8, in[3], in[4]); };
      };
      expect_agreement(call(group_norm_silu), call(group_norm_silu_plain),
                       {x, weight, bias, scale_shift, residual}, 1e-5);
    }
  }
}

TEST_P(OperatorShapes, ChannelLayerNorm) {
  const Tensor x = images(shape().sizes()) * 2 + 3;
  const Tensor gain = at::randn({1, shape().channels, 1, 1});
  const auto call = [](const auto& f) {
    return [&f](const Tensors& in) { return f(in[0], in[1], in[2]); };
  };
  expect_agreement(call(channel_layer_norm), call(channel_layer_norm_plain), {x, gain, Tensor()});
  expect_agreement(call(channel_layer_norm), call(channel_layer_norm_plain),
                   {x, gain, images(shape().sizes())});
}

class LinearAttentionTest : public OperatorShapes {
 protected:
  static void check(const Tensor& x, double logits, int64_t heads, int64_t head_channels) {
    const int64_t channels = x.size(1), width = heads * head_channels;
    const double scale = logits / std::sqrt(static_cast<double>(channels));
    const auto call = [heads](const auto& f) {
      return [&f, heads](const Tensors& in) { return f(in[0], in[1], in[2], in[3], heads); };
    };
    expect_agreement(call(linear_attention), call(linear_attention_plain),
                     {x, at::randn({3 * width, channels, 1, 1}) * scale,
                      at::randn({channels, width, 1, 1}), at::randn({channels})},
                     2e-6 * std::max(4.0, logits * x.std().item<double>()));
  }
};

INSTANTIATE_TEST_SUITE_P(Shapes, LinearAttentionTest, testing::ValuesIn(kShapes));

TEST_P(LinearAttentionTest, AgreesWithThePlainForm) { check(images(shape().sizes()), 1, 4, 32); }

TEST_P(LinearAttentionTest, AcceptsOtherHeadCounts) { check(images(shape().sizes()), 1, 3, 16); }

/// exp() of such logits would overflow, so the kernel must subtract the maximum over all blocks.
TEST_P(LinearAttentionTest, HandlesLargeLogits) { check(images(shape().sizes()), 50, 4, 32); }

/// For each image, the kernel subtracts the maximum only if the logits of that image require it.
TEST_P(LinearAttentionTest, HandlesSmallAndLargeLogitsInOneBatch) {
  const Tensor x = images(shape().sizes());
  x[0] *= 30;
  check(x, 1, 4, 32);
}

TEST(StandardizeWeight, AgreesWithThePlainForm) {
  for (const auto& sizes : {std::vector<int64_t>{8, 3, 7, 7}, {16, 48, 3, 3}, {5, 1, 3, 2}}) {
    expect_agreement([](const Tensors& in) { return standardize_weight(in[0]); },
                     [](const Tensors& in) { return standardize_weight_plain(in[0]); },
                     {at::randn(sizes) + 0.5}, 1e-5);
  }
}

TEST(StandardizeWeight, UsesThePlainFormForOtherTypes) {
  const Tensor weight = at::randn({8, 3, 7, 7}, at::kDouble);
  EXPECT_TRUE(standardize_weight(weight).equal(standardize_weight_plain(weight)));
}

TEST(StandardizeWeight, SupportsSeveralBackwardPasses) {
  const Tensor weight = at::randn({8, 8, 3, 3}).requires_grad_();
  const Tensor standardized = standardize_weight(weight);
  EXPECT_TRUE(standardized.is_contiguous(kLast));
  const Tensor factor = at::randn({8, 8, 3, 3});
  (standardized * factor).sum().backward();
  const Tensor once = weight.grad().clone();
  (standardized * factor).sum().backward();
  EXPECT_TRUE(weight.grad().allclose(2 * once));
}

/// Without them all results would still be correct, but slow.
TEST(Kernels, ExistForTheCpu) {
  auto& dispatcher = c10::Dispatcher::singleton();
  int schemas = 0;
  for (const c10::OperatorName& name : dispatcher.getAllOpNames()) {
    if (name.getNamespace() != "gm") continue;
    ++schemas;
    EXPECT_TRUE(dispatcher.findSchema(name)->hasKernelForDispatchKey(c10::DispatchKey::CPU))
        << name;
  }
  EXPECT_GT(schemas, 0);
}

/// Kernels would read past the end of weights that are too small.
TEST(Kernels, RefuseParametersThatDoNotFit) {
  const Tensor x = images({2, 16, 4, 4}), bias = at::randn({16});
  const Tensor skip = images({2, 8, 4, 4}), smaller = images({2, 8, 4, 3});
  const auto weight = [](int64_t in, int64_t size) { return at::randn({16, in, size, size}); };
  const auto convolve = [&](int64_t in, const Tensor& shift, const Tensor& other) {
    return convolution3x3(x, prepare_convolution3x3(weight(in, 3), 4, 4), shift, other);
  };
  EXPECT_NO_THROW(convolve(24, bias, skip));
  EXPECT_THROW(convolve(16, bias, skip), c10::Error);
  EXPECT_THROW(convolve(24, bias, {}), c10::Error);
  EXPECT_THROW(convolve(24, bias, smaller), c10::Error);
  EXPECT_THROW(convolve(24, at::randn({8}), skip), c10::Error);

  EXPECT_NO_THROW(pointwise_convolution(x, weight(24, 1), bias, skip));
  EXPECT_THROW(pointwise_convolution(x, weight(16, 1), bias, skip), c10::Error);
  EXPECT_THROW(pointwise_convolution(x, weight(24, 1), bias, smaller), c10::Error);
  EXPECT_THROW(downsample_convolution(x, weight(8, 4), bias), c10::Error);
  EXPECT_THROW(upsample_convolution(x, weight(8, 3), bias), c10::Error);
  EXPECT_THROW(input_convolution(x, weight(8, 7), bias), c10::Error);

  EXPECT_THROW(prepare_convolution3x3(weight(16, 1), 4, 4), c10::Error);

  const Tensor gain = at::randn({1, 16, 1, 1}), scale_shift = at::randn({2, 32});
  EXPECT_NO_THROW(group_norm_silu(x, bias, bias, 8, scale_shift, x));
  for (const int64_t groups : {0, -8, 3, 32}) {
    EXPECT_THROW(group_norm_silu(x, bias, bias, groups), c10::Error) << groups;
  }
  EXPECT_THROW(group_norm_silu(x, bias.narrow(0, 0, 8), bias, 8), c10::Error);
  EXPECT_THROW(group_norm_silu(x, bias, bias.narrow(0, 0, 8), 8), c10::Error);
  EXPECT_THROW(group_norm_silu(x, bias, bias, 8, scale_shift.narrow(1, 0, 16)), c10::Error);
  EXPECT_THROW(group_norm_silu(x, bias, bias, 8, scale_shift.narrow(0, 0, 1)), c10::Error);
  EXPECT_THROW(group_norm_silu(x, bias, bias, 8, {}, smaller), c10::Error);
  EXPECT_NO_THROW(channel_layer_norm(x, gain, x));
  EXPECT_THROW(channel_layer_norm(x, gain.narrow(1, 0, 8)), c10::Error);
  EXPECT_THROW(channel_layer_norm(x, gain, smaller), c10::Error);

  const Tensor to_qkv = at::randn({96, 16, 1, 1}), to_out = at::randn({16, 32, 1, 1});
  for (const auto& attend : {attention, linear_attention}) {
    EXPECT_NO_THROW(attend(x, to_qkv, to_out, bias, 2));
    EXPECT_THROW(attend(x, to_qkv.narrow(1, 0, 8), to_out, bias, 2), c10::Error);
    EXPECT_THROW(attend(x, to_qkv.narrow(0, 0, 64), to_out, bias, 2), c10::Error);
    EXPECT_THROW(attend(x, to_qkv, to_out.narrow(0, 0, 8), bias, 2), c10::Error);
    EXPECT_THROW(attend(x, to_qkv, to_out, bias, 3), c10::Error);
    EXPECT_THROW(attend(x, to_qkv, to_out, bias, 0), c10::Error);
  }
}

/// The backward kernels record no graph: a gradient penalty through them would be silently wrong.
TEST(Kernels, RefuseSecondDerivatives) {
  const Tensor x = images({2, 16, 4, 4}).requires_grad_(), bias = at::randn({16});
  const auto weight = [](int64_t size) { return at::randn({16, 16, size, size}).requires_grad_(); };
  const Tensor to_qkv = at::randn({96, 16, 1, 1}), to_out = at::randn({16, 32, 1, 1});
  const Tensor standardized = weight(3);
  for (const auto& [y, input] : std::vector<std::pair<Tensor, Tensor>>{
           {group_norm_silu(x, bias, bias, 8), x},
           {channel_layer_norm(x, at::randn({1, 16, 1, 1})), x},
           {convolution3x3(x, prepare_convolution3x3(weight(3), 4, 4), bias), x},
           {pointwise_convolution(x, weight(1), bias), x},
           {downsample_convolution(x, weight(4), bias), x},
           {upsample_convolution(x, weight(3), bias), x},
           {input_convolution(x, weight(7), bias), x},
           {attention(x, to_qkv, to_out, bias, 2), x},
           {linear_attention(x, to_qkv, to_out, bias, 2), x},
           {standardize_weight(standardized), standardized}}) {
    EXPECT_THROW(torch::autograd::grad({y.sum()}, {input}, {}, /*retain_graph=*/true,
                                       /*create_graph=*/true),
                 c10::Error)
        << y.grad_fn()->name();
    EXPECT_NO_THROW(torch::autograd::grad({y.sum()}, {input}));
  }
}

TEST(Kernels, AcceptGradientsOfAnyLayout) {
  const Tensor x = images({2, 16, 6, 6}).requires_grad_();
  const Tensor gain = at::ones({1, 16, 1, 1});
  const Tensor dy = at::randn({2, 16, 6, 6});
  const Tensor expected = torch::autograd::grad({channel_layer_norm_plain(x, gain)}, {x}, {dy})[0];
  const Tensor actual = torch::autograd::grad({channel_layer_norm(x, gain)}, {x}, {dy})[0];
  EXPECT_TRUE(actual.allclose(expected, 1e-4, 1e-5));
}

TEST(Kernels, UseThePlainFormForOtherLayoutsAndChannels) {
  const Tensor gain = at::rand({1, 16, 1, 1});
  const Tensor contiguous = at::randn({2, 16, 6, 6});
  EXPECT_TRUE(channel_layer_norm(contiguous, gain)
                  .allclose(channel_layer_norm(contiguous.contiguous(kLast), gain), 1e-4, 1e-5));
  const Tensor narrow = at::randn({2, 6, 5, 5}).contiguous(kLast);
  EXPECT_TRUE(channel_layer_norm(narrow, at::ones({1, 6, 1, 1}))
                  .equal(channel_layer_norm_plain(narrow, at::ones({1, 6, 1, 1}))));
}

/// A training run stops if its loss is NaN, so no operator may hide a NaN.
TEST(Kernels, PropagateNaN) {
  Tensor x = images({2, 16, 8, 8});
  x[1][3][4][5] = std::numeric_limits<float>::quiet_NaN();
  const Tensor ones = at::ones({16});
  const Tensors results = {
      group_norm_silu(x, ones, ones, 8),
      channel_layer_norm(x, at::ones({1, 16, 1, 1})),
      linear_attention(x, at::randn({384, 16, 1, 1}), at::randn({16, 128, 1, 1}), ones, 4),
  };
  for (const Tensor& y : results) {
    EXPECT_TRUE(y[0].isfinite().all().item<bool>());
    EXPECT_TRUE(y[1].isnan().any().item<bool>());
  }
}

TEST(Kernels, DoNotDependOnTheNumberOfThreadsBeyondRounding) {
  const Tensor x = images({5, 16, 8, 8});
  const Tensors weights = {at::randn({384, 16, 1, 1}), at::randn({16, 128, 1, 1}), at::randn({16})};
  const auto attend = [&](const Tensors& in) {
    return linear_attention(in[0], in[1], in[2], in[3], 4);
  };
  const auto on_threads = [&](int count) {
    const Threads threads(count);
    return run(attend, {x, weights[0], weights[1], weights[2]}, at::kFloat);
  };
  const Tensors one = on_threads(1), three = on_threads(3);
  EXPECT_TRUE(one[0].equal(three[0]));
  EXPECT_TRUE(one[1].equal(three[1]));
  EXPECT_TRUE(one[2].allclose(three[2], 1e-4, 1e-4));
}

}  // namespace
}  // namespace gm::ops
