#include "nn/ops/pointwise_convolution.h"

#include <limits>

#include "unit/nn/ops/agreement.h"

namespace gm::ops {
namespace {

struct Case {
  int64_t pictures, in, beside, out, height, width;
};

/// One input and two; few outputs, which fill no vector; more pixels than blocks, and less; numbers
/// of channels that are left to the plain form.
const Case kCases[] = {{2, 16, 0, 16, 8, 8}, {3, 16, 16, 16, 32, 32}, {1, 128, 64, 128, 4, 4},
                       {5, 8, 24, 40, 1, 3}, {2, 16, 0, 3, 9, 7},     {2, 16, 8, 1, 5, 5},
                       {2, 6, 0, 8, 4, 4},   {2, 8, 5, 8, 4, 4}};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.pictures << 'x' << c.in << '+' << c.beside << '-' << c.out << 'x' << c.height << 'x'
       << c.width;
}

Tensors inputs(const Case& c) {
  return {pictures({c.pictures, c.in, c.height, c.width}),
          at::randn({c.out, c.in + c.beside, 1, 1}), at::randn({c.out}),
          c.beside > 0 ? pictures({c.pictures, c.beside, c.height, c.width}) : Tensor()};
}

Tensor kernel(const Tensors& in) { return pointwise_convolution(in[0], in[1], in[2], in[3]); }

Tensor plain(const Tensors& in) { return pointwise_convolution_plain(in[0], in[1], in[2], in[3]); }

class PointwiseConvolution : public testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(Cases, PointwiseConvolution, testing::ValuesIn(kCases));

TEST_P(PointwiseConvolution, AgreesWithThePlainForm) {
  at::manual_seed(1);
  for (const int threads : {1, 2}) {
    const Threads limit(threads);
    expect_agreement(kernel, plain, inputs(GetParam()));
  }
}

TEST(PointwiseConvolutionOf, LeavesOtherLayoutsToThePlainForm) {
  Tensors in = inputs({2, 16, 8, 8, 6, 6});
  in[0] = in[0].contiguous();
  EXPECT_TRUE(kernel(in).allclose(plain(in)));
}

TEST(PointwiseConvolutionOf, PassesOnWhatIsNotANumber) {
  Tensors in = inputs({2, 16, 8, 3, 6, 6});
  in[3][1][3][4][5] = std::numeric_limits<float>::quiet_NaN();
  const Tensor y = kernel(in);
  EXPECT_TRUE(y[0].isfinite().all().item<bool>());
  EXPECT_EQ(y[1].isnan().sum().item<int64_t>(), 3);
}

}  // namespace
}  // namespace gm::ops
