#include "nn/ops/input_convolution.h"

#include <limits>

#include "unit/nn/ops/agreement.h"

namespace gm::ops {
namespace {

struct InputConvolutionCase {
  int64_t images, in, out, size, height, width;
};

/// Colour and grey; images smaller than the window; other windows; several blocks; a shape that
/// only the plain form supports.
const InputConvolutionCase kInputConvolutionCases[] = {{2, 3, 16, 7, 32, 32}, {3, 1, 8, 7, 28, 28},
                                                       {1, 3, 24, 7, 2, 3},   {5, 4, 16, 5, 9, 6},
                                                       {1, 8, 8, 1, 5, 4},    {2, 3, 10, 7, 8, 8}};

void PrintTo(const InputConvolutionCase& c, std::ostream* out) {
  *out << c.images << 'x' << c.in << '-' << c.out << ' ' << c.size << 'x' << c.size << " of "
       << c.height << 'x' << c.width;
}

Tensors input_convolution_inputs(const InputConvolutionCase& c) {
  return {images({c.images, c.in, c.height, c.width}), at::randn({c.out, c.in, c.size, c.size}),
          at::randn({c.out})};
}

Tensor seven_by_seven(const Tensors& in) { return input_convolution(in[0], in[1], in[2]); }

Tensor seven_by_seven_plain(const Tensors& in) {
  return input_convolution_plain(in[0], in[1], in[2]);
}

class InputConvolution : public testing::TestWithParam<InputConvolutionCase> {};

INSTANTIATE_TEST_SUITE_P(Cases, InputConvolution, testing::ValuesIn(kInputConvolutionCases));

TEST_P(InputConvolution, AgreesWithThePlainForm) {
  at::manual_seed(1);
  for (const int threads : {1, 2}) {
    const Threads limit(threads);
    expect_agreement(seven_by_seven, seven_by_seven_plain, input_convolution_inputs(GetParam()));
  }
}

TEST(InputConvolutionKernel, ComputesNoGradientForAnImageThatNeedsNone) {
  const Tensors in = input_convolution_inputs({2, 3, 8, 7, 6, 6});
  const Tensor weight = in[1].requires_grad_();
  seven_by_seven({in[0], weight, in[2]}).sum().backward();
  EXPECT_FALSE(in[0].grad().defined());
  EXPECT_TRUE(weight.grad().defined());
}

TEST(InputConvolutionKernel, PropagatesNaN) {
  Tensors in = input_convolution_inputs({2, 3, 8, 7, 6, 6});
  in[0][1][2][4][5] = std::numeric_limits<float>::quiet_NaN();
  const Tensor y = seven_by_seven(in);
  EXPECT_TRUE(y[0].isfinite().all().item<bool>());
  EXPECT_TRUE(y[1].isnan().any().item<bool>());
}

}  // namespace
}  // namespace gm::ops
