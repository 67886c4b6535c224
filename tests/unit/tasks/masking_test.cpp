#include "tasks/masking.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

namespace gm {
namespace {

/// Two images of 1 x 2 pixels and two channels. One pixel of the first and both of the second are
/// masked.
const at::Tensor kMasks = at::tensor({1.F, 0.F, 1.F, 1.F}).view({2, 1, 1, 2});
const at::Tensor kOriginal =
    at::tensor({0.F, .1F, .2F, .3F, .4F, .5F, .6F, .7F}).view({2, 2, 1, 2});

at::Tensor filled_with(double value) {
  return paste({kOriginal, kMasks}, at::full_like(kOriginal, value));
}

TEST(Masks, NetworkInputHidesMaskedPixels) {
  at::Tensor images = kOriginal.clone();
  images.masked_fill_(kMasks > 0.5, std::numeric_limits<float>::quiet_NaN());
  const at::Tensor input = network_input({images, kMasks});
  EXPECT_TRUE(input.equal(at::tensor({0.F, .1F, 0.F, .3F, 1.F, 0.F,  //
                                      0.F, 0.F, 0.F, 0.F, 1.F, 1.F})
                              .view({2, 3, 1, 2})));
}

TEST(Masks, KnownPixelsAreKeptExactly) {
  const at::Tensor nothing = at::full_like(kOriginal, std::numeric_limits<float>::infinity());
  const at::Tensor known = kMasks.expand_as(kOriginal) < 0.5;
  EXPECT_TRUE(paste({kOriginal, kMasks}, nothing)
                  .masked_select(known)
                  .equal(kOriginal.masked_select(known)));
  EXPECT_EQ(inpaint_with_prediction({kOriginal, kMasks}, nothing).max().item<float>(), 1.F);
}

TEST(Masks, GradientReachesOnlyMaskedPixels) {
  const at::Tensor filling = at::zeros_like(kOriginal).requires_grad_();
  paste({kOriginal, kMasks}, filling).sum().backward();
  EXPECT_TRUE(filling.grad().equal(kMasks.expand_as(kOriginal)));
}

TEST(Masks, ErrorsMatchTheirFormulas) {
  const at::Tensor filled = filled_with(1);
  const double first = 1.0 + 0.64, second = 0.36 + 0.25 + 0.16 + 0.09;
  EXPECT_NEAR(summed_squared_error(filled, kOriginal).item<double>(), (first + second) / 2, 1e-6);
  EXPECT_NEAR(mean_squared_error(filled, kOriginal, kMasks).item<double>(),
              (first / 2 + second / 4) / 2, 1e-6);
  EXPECT_NEAR(mean_absolute_error(filled, kOriginal, kMasks).item<double>(),
              ((1.0 + 0.8) / 2 + (0.6 + 0.5 + 0.4 + 0.3) / 4) / 2, 1e-6);
}

}  // namespace
}  // namespace gm
