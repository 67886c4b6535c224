// Every operator over random shapes and layouts. What its kernel does not support, the plain form
// computes with the same result, only slower.
#include <cmath>
#include <random>

#include "nn/ops/attention.h"
#include "nn/ops/channel_layer_norm.h"
#include "nn/ops/downsample_convolution.h"
#include "nn/ops/group_norm_silu.h"
#include "nn/ops/input_convolution.h"
#include "nn/ops/linear_attention.h"
#include "nn/ops/pointwise_convolution.h"
#include "nn/ops/upsample_convolution.h"
#include "unit/nn/ops/agreement.h"

namespace gm::ops {
namespace {

struct Drawn {
  int64_t images, channels, skip, out, height, width;

  std::vector<int64_t> sizes(int64_t of_channels) const {
    return {images, of_channels, height, width};
  }
};

void PrintTo(const Drawn& d, std::ostream* out) {
  *out << d.images << 'x' << d.channels << '+' << d.skip << '-' << d.out << 'x' << d.height << 'x'
       << d.width;
}

class RandomShapes : public testing::TestWithParam<int> {
 protected:
  RandomShapes() : random_(GetParam()) { at::manual_seed(GetParam()); }

  Drawn draw(int64_t smallest_size = 1) {
    return {number(1, 4),
            channels(),
            channels(),
            channels(),
            number(smallest_size, 28),
            number(smallest_size, 28)};
  }

  /// In one of three layouts: as it is, contiguous, or every other value of a larger tensor.
  static Tensor laid_out(const Tensor& x, int layout) {
    if (layout == 1) return x.contiguous();
    if (layout == 2) return at::stack({x, x}, -1).select(-1, 0);
    return x;
  }

  /// Compares both forms in double precision, and in single precision with the images (the first
  /// input) and all other inputs in several layouts.
  static void expect_same(const Function& kernel, const Function& plain, const Tensors& inputs,
                          const Drawn& drawn, double tolerance = 2e-5) {
    const Tensors doubles = run(kernel, inputs, at::kDouble);
    const Tensors expected = run(plain, inputs, at::kDouble);
    for (size_t i = 0; i < doubles.size(); ++i) {
      if (!expected[i].defined()) continue;
      EXPECT_TRUE(doubles[i].allclose(expected[i])) << i;
    }
    for (const int of_images : {0, 1, 2}) {
      for (const int of_others : {0, 2}) {
        SCOPED_TRACE(testing::PrintToString(drawn) + ", layouts " + std::to_string(of_images) +
                     " and " + std::to_string(of_others));
        const auto with_layouts = [&](Tensors in) {
          for (size_t i = 0; i < in.size(); ++i) {
            in[i] = laid_out(in[i], i == 0 ? of_images : of_others);
          }
          return kernel(in);
        };
        expect_agreement(with_layouts, plain, inputs, tolerance);
      }
    }
  }

 private:
  int64_t number(int64_t from, int64_t to) {
    return std::uniform_int_distribution<int64_t>(from, to)(random_);
  }

  /// Often a number that the kernels support.
  int64_t channels() { return number(0, 2) > 0 ? 8 * number(1, 8) : number(1, 70); }

  std::mt19937 random_;
};

INSTANTIATE_TEST_SUITE_P(Seeds, RandomShapes, testing::Range(0, 8));

TEST_P(RandomShapes, DownsampleConvolution) {
  const Drawn d = draw(/*smallest_size=*/2);
  const auto call = [](const auto& f) {
    return [&f](const Tensors& in) { return f(in[0], in[1], in[2]); };
  };
  expect_same(
      call(downsample_convolution), call(downsample_convolution_plain),
      {images(d.sizes(d.channels)), at::randn({d.out, d.channels, 4, 4}), at::randn({d.out})}, d);
}

TEST_P(RandomShapes, UpsampleConvolution) {
  const Drawn d = draw();
  const auto call = [](const auto& f) {
    return [&f](const Tensors& in) { return f(in[0], in[1], in[2]); };
  };
  expect_same(
      call(upsample_convolution), call(upsample_convolution_plain),
      {images(d.sizes(d.channels)), at::randn({d.out, d.channels, 3, 3}), at::randn({d.out})}, d);
}

TEST_P(RandomShapes, InputConvolution) {
  const Drawn d = draw();
  const auto call = [](const auto& f) {
    return [&f](const Tensors& in) { return f(in[0], in[1], in[2]); };
  };
  expect_same(
      call(input_convolution), call(input_convolution_plain),
      {images(d.sizes(d.channels)), at::randn({d.out, d.channels, 7, 7}), at::randn({d.out})}, d);
}

TEST_P(RandomShapes, PointwiseConvolution) {
  const Drawn d = draw();
  const auto call = [](const auto& f) {
    return [&f](const Tensors& in) { return f(in[0], in[1], in[2], in[3]); };
  };
  expect_same(call(pointwise_convolution), call(pointwise_convolution_plain),
              {images(d.sizes(d.channels)), at::randn({d.out, d.channels + d.skip, 1, 1}),
               at::randn({d.out}), images(d.sizes(d.skip))},
              d);
}

TEST_P(RandomShapes, Attentions) {
  const Drawn d = draw();
  const int64_t heads = 2, width = heads * 16;
  const auto call = [](const auto& f) {
    return [&f](const Tensors& in) { return f(in[0], in[1], in[2], in[3], heads); };
  };
  const double scale = 1 / std::sqrt(static_cast<double>(d.channels));
  const Tensors inputs = {images(d.sizes(d.channels)),
                          at::randn({3 * width, d.channels, 1, 1}) * scale,
                          at::randn({d.channels, width, 1, 1}), at::randn({d.channels})};
  expect_same(call(attention), call(attention_plain), inputs, d);
  expect_same(call(linear_attention), call(linear_attention_plain), inputs, d);
}

TEST_P(RandomShapes, Norms) {
  const Drawn d = draw();
  // With few channels of similar values, subtracting the mean loses digits in both forms.
  const double tolerance = 1e-4;
  const int64_t groups = d.channels % 8 == 0 ? 8 : 1;
  const auto group_norm = [groups](const auto& f) {
    return [&f, groups](const Tensors& in) { return f(in[0], in[1], in[2], groups, in[3], in[4]); };
  };
  const Tensor x = images(d.sizes(d.channels)), residual = images(d.sizes(d.channels));
  expect_same(group_norm(group_norm_silu), group_norm(group_norm_silu_plain),
              {x, at::randn({d.channels}), at::randn({d.channels}),
               at::randn({d.images, 2 * d.channels}), residual},
              d, tolerance);
  const auto layer_norm = [](const auto& f) {
    return [&f](const Tensors& in) { return f(in[0], in[1], in[2]); };
  };
  expect_same(layer_norm(channel_layer_norm), layer_norm(channel_layer_norm_plain),
              {x, at::randn({1, d.channels, 1, 1}), residual}, d, tolerance);
}

}  // namespace
}  // namespace gm::ops
