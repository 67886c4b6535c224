// The number of floating-point operations of an operator call, against the definition.
#include "nn/ops/flops.h"

#include <gtest/gtest.h>

#include <string>

namespace gm::ops {
namespace {

using Shapes = std::vector<std::vector<int64_t>>;

// 2 images of 4x4 pixels, 3 + 5 channels to 7.
constexpr double kPixels = 2 * 4 * 4;
const std::vector<int64_t> kX{2, 3, 4, 4}, kBeside{2, 5, 4, 4}, kY{2, 7, 4, 4}, kNone;

TEST(FlopsTest, OfConvolutions) {
  EXPECT_EQ(flops_of("gm::convolution3x3_forward", {kX, kBeside, {36, 8, 7}, {7}}),
            kPixels * 2 * 9 * 8 * 7);
  EXPECT_EQ(flops_of("gm::convolution3x3_forward", {kX, kNone, {36, 3, 7}, {7}}),
            kPixels * 2 * 9 * 3 * 7);
  EXPECT_EQ(flops_of("gm::convolution3x3_backward", {kY, kX, kBeside, {7, 8, 3, 3}}),
            2 * kPixels * 2 * 9 * 8 * 7);
  EXPECT_EQ(flops_of("gm::pointwise_convolution_forward", {kX, kBeside, {7, 8, 1, 1}, {7}}),
            kPixels * 2 * 8 * 7);
  EXPECT_EQ(flops_of("gm::pointwise_convolution_backward", {kY, kX, kBeside, {7, 8, 1, 1}}),
            2 * kPixels * 2 * 8 * 7);
  EXPECT_EQ(flops_of("gm::input_convolution_forward", {kX, {7, 3, 5, 5}, {7}}),
            kPixels * 2 * 25 * 3 * 7);
}

TEST(FlopsTest, OfDownsamplingAndUpsampling) {
  const std::vector<int64_t> small{2, 7, 2, 2};
  const double each = kPixels / 4 * 2 * 16 * 3 * 7;
  EXPECT_EQ(flops_of("gm::strided_convolution", {kX, {7, 3, 4, 4}, {7}}), each);
  EXPECT_EQ(flops_of("gm::transposed_strided_convolution", {small, {7, 3, 4, 4}, {3}}), each);
  EXPECT_EQ(flops_of("gm::strided_convolution_weight_gradient", {kX, small}), each);
}

TEST(FlopsTest, OfTheProjectionsOfAttention) {
  const std::vector<int64_t> to_qkv{24, 3, 1, 1}, to_out{3, 8, 1, 1};
  for (const char* name : {"gm::attention", "gm::linear_attention"}) {
    const double forward = kPixels * 2 * 4 * 8 * 3;
    EXPECT_EQ(flops_of(std::string(name) + "_forward", {kX, to_qkv, to_out, {3}}), forward);
    EXPECT_EQ(flops_of(std::string(name) + "_backward", {kX, kX, to_qkv, to_out}), 2 * forward);
  }
}

TEST(FlopsTest, OtherOperatorsCountAsZero) {
  EXPECT_EQ(flops_of("aten::add", {{1}, {1}}), 0);
  EXPECT_EQ(flops_of("", {}), 0);
}

}  // namespace
}  // namespace gm::ops
