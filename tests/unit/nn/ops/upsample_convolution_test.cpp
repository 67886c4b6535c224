#include "nn/ops/upsample_convolution.h"

#include <limits>

#include "unit/nn/ops/agreement.h"

namespace gm::ops {
namespace {

struct UpsampleCase {
  int64_t images, in, out, height, width;
};

/// Odd sizes; a single pixel, which is all border; several images at a time; several panels of
/// channels; any number of output channels; a number of input channels that is not a multiple of 8,
/// which only the plain form supports.
const UpsampleCase kUpsampleCases[] = {
    {2, 8, 8, 1, 1},   {3, 32, 16, 16, 16}, {1, 40, 24, 7, 5}, {2, 128, 64, 4, 4}, {5, 16, 8, 1, 9},
    {1, 64, 32, 8, 8}, {2, 3, 16, 4, 4},    {2, 16, 5, 4, 4},  {9, 136, 128, 4, 4}};

void PrintTo(const UpsampleCase& c, std::ostream* out) {
  *out << c.images << 'x' << c.in << '-' << c.out << 'x' << c.height << 'x' << c.width;
}

class UpsampleConvolution : public testing::TestWithParam<UpsampleCase> {};

INSTANTIATE_TEST_SUITE_P(Cases, UpsampleConvolution, testing::ValuesIn(kUpsampleCases));

TEST_P(UpsampleConvolution, AgreesWithThePlainForm) {
  const UpsampleCase c = GetParam();
  at::manual_seed(1);
  const Tensors inputs = {images({c.images, c.in, c.height, c.width}),
                          at::randn({c.out, c.in, 3, 3}), at::randn({c.out})};
  for (const int threads : {1, 2}) {
    const Threads limit(threads);
    expect_agreement(
        [](const Tensors& in) { return upsample_convolution(in[0], in[1], in[2]); },
        [](const Tensors& in) { return upsample_convolution_plain(in[0], in[1], in[2]); }, inputs);
  }
}

TEST(UpsampleConvolution, UsesThePlainFormForOtherLayouts) {
  const Tensor x = at::randn({2, 16, 6, 6});
  const Tensor weight = at::randn({8, 16, 3, 3}), bias = at::randn({8});
  EXPECT_TRUE(
      upsample_convolution(x, weight, bias).equal(upsample_convolution_plain(x, weight, bias)));
}

TEST(UpsampleConvolution, PropagatesNaN) {
  Tensor x = images({2, 16, 8, 8});
  x[1][3][4][5] = std::numeric_limits<float>::quiet_NaN();
  const Tensor y = upsample_convolution(x, at::randn({8, 16, 3, 3}), at::randn({8}));
  EXPECT_TRUE(y[0].isfinite().all().item<bool>());
  EXPECT_TRUE(y[1].isnan().any().item<bool>());
}

}  // namespace
}  // namespace gm::ops
