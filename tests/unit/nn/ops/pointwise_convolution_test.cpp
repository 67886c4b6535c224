#include "nn/ops/pointwise_convolution.h"

#include <limits>

#include "unit/nn/ops/agreement.h"

namespace gm::ops {
namespace {

struct PointwiseCase {
  int64_t images, in, skip, out, height, width;
};

/// One and two inputs; fewer outputs than a vector has lanes; more and fewer pixels than a block;
/// numbers of channels that only the plain form supports.
const PointwiseCase kPointwiseCases[] = {
    {2, 16, 0, 16, 8, 8}, {3, 16, 16, 16, 32, 32}, {1, 128, 64, 128, 4, 4}, {5, 8, 24, 40, 1, 3},
    {2, 16, 0, 3, 9, 7},  {2, 16, 8, 1, 5, 5},     {2, 6, 0, 8, 4, 4},      {2, 8, 5, 8, 4, 4}};

void PrintTo(const PointwiseCase& c, std::ostream* out) {
  *out << c.images << 'x' << c.in << '+' << c.skip << '-' << c.out << 'x' << c.height << 'x'
       << c.width;
}

Tensors pointwise_inputs(const PointwiseCase& c) {
  return {images({c.images, c.in, c.height, c.width}), at::randn({c.out, c.in + c.skip, 1, 1}),
          at::randn({c.out}),
          c.skip > 0 ? images({c.images, c.skip, c.height, c.width}) : Tensor()};
}

Tensor pointwise_kernel(const Tensors& in) {
  return pointwise_convolution(in[0], in[1], in[2], in[3]);
}

Tensor pointwise_plain(const Tensors& in) {
  return pointwise_convolution_plain(in[0], in[1], in[2], in[3]);
}

class PointwiseConvolution : public testing::TestWithParam<PointwiseCase> {};

INSTANTIATE_TEST_SUITE_P(Cases, PointwiseConvolution, testing::ValuesIn(kPointwiseCases));

TEST_P(PointwiseConvolution, AgreesWithThePlainForm) {
  at::manual_seed(1);
  for (const int threads : {1, 2}) {
    const Threads limit(threads);
    expect_agreement(pointwise_kernel, pointwise_plain, pointwise_inputs(GetParam()));
  }
}

TEST(PointwiseConvolutionKernel, UsesThePlainFormForOtherLayouts) {
  Tensors in = pointwise_inputs({2, 16, 8, 8, 6, 6});
  in[0] = in[0].contiguous();
  EXPECT_TRUE(pointwise_kernel(in).allclose(pointwise_plain(in)));
}

TEST(PointwiseConvolutionKernel, PropagatesNaN) {
  Tensors in = pointwise_inputs({2, 16, 8, 3, 6, 6});
  in[3][1][3][4][5] = std::numeric_limits<float>::quiet_NaN();
  const Tensor y = pointwise_kernel(in);
  EXPECT_TRUE(y[0].isfinite().all().item<bool>());
  EXPECT_EQ(y[1].isnan().sum().item<int64_t>(), 3);
}

}  // namespace
}  // namespace gm::ops
