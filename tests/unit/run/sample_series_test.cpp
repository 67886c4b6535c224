#include "run/sample_series.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace gm {
namespace {

TEST(SampleSeries, OfOneSeedHasItsImagesInOrder) {
  const SampleSeries series{.seed = 7, .count = 5};
  EXPECT_EQ(images_in(series), 5);
  EXPECT_EQ(images_in({}), 64);
  const at::Tensor indices = at::arange(2, 5);
  const SampleRequest request = request_for(series, indices);
  EXPECT_EQ(request.seed, 7U);
  EXPECT_TRUE(request.indices.equal(indices));
  EXPECT_FALSE(request.toward);
}

TEST(SampleSeries, BetweenTwoSeedsHasRowsFromOneToTheOther) {
  const SampleSeries series{.seed = 7, .toward = 8, .count = 3, .rows = 2};
  EXPECT_EQ(images_in(series), 6);
  EXPECT_EQ(images_in({.toward = 8}), 9);
  const SampleRequest request = request_for(series, at::arange(6));
  EXPECT_TRUE(request.indices.equal(at::tensor({0, 0, 0, 1, 1, 1}, at::kLong)));
  ASSERT_TRUE(request.toward);
  EXPECT_EQ(request.toward->seed, 8U);
  EXPECT_TRUE(
      request.toward->fractions.equal(at::tensor({0.0, 0.5, 1.0, 0.0, 0.5, 1.0}, at::kDouble)));
}

}  // namespace
}  // namespace gm
