#include "diffusion/slerp.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace gm {
namespace {

at::Tensor vector(std::initializer_list<float> values) {
  return at::tensor(at::ArrayRef<float>(values), at::kFloat).view({1, 1, 1, -1});
}

TEST(Slerp, FollowsTheArcBetweenVectors) {
  const at::Tensor from = vector({3, 0}), to = vector({0, 3});  // a right angle
  for (const double fraction : {0.0, 0.2, 0.5, 0.9, 1.0}) {
    const at::Tensor between = slerp(from, to, at::full({1}, fraction, at::kDouble));
    const double angle = fraction * std::acos(-1) / 2;
    EXPECT_NEAR(between[0][0][0][0].item<double>(), 3 * std::cos(angle), 1e-6) << fraction;
    EXPECT_NEAR(between[0][0][0][1].item<double>(), 3 * std::sin(angle), 1e-6) << fraction;
  }
  // 60 degrees: halfway, the sum of both divided by sqrt(3).
  const at::Tensor halfway =
      slerp(vector({2, 0}), vector({1, std::sqrt(3.0F)}), at::full({1}, 0.5, at::kDouble));
  EXPECT_TRUE(at::allclose(halfway, vector({std::sqrt(3.0F), 1})));
}

TEST(Slerp, EndsAreTheInputsToTheLastBitAndImagesDoNotDependOnTheirBatch) {
  const at::Tensor from = at::randn({5, 3, 8, 8}), to = at::randn({5, 3, 8, 8});
  const at::Tensor fractions = at::tensor({0.0, 1.0, 0.25, 0.5, 1.0}, at::kDouble);
  const at::Tensor between = slerp(from, to, fractions);
  EXPECT_TRUE(at::equal(between[0], from[0]));
  EXPECT_TRUE(at::equal(between[1], to[1]));
  EXPECT_TRUE(at::equal(between[4], to[4]));
  for (int64_t n = 0; n < 5; ++n) {
    const auto alone = [n](const at::Tensor& all) { return all.narrow(0, n, 1); };
    EXPECT_TRUE(at::equal(slerp(alone(from), alone(to), alone(fractions)), alone(between))) << n;
  }
}

TEST(Slerp, KeepsTheNormOfNoiseWhereALineWouldLoseIt) {
  const at::Tensor from = at::randn({1, 3, 32, 32}), to = at::randn({1, 3, 32, 32});
  const double norm = from.norm().item<double>();
  const at::Tensor half = at::full({1}, 0.5, at::kDouble);
  EXPECT_NEAR(slerp(from, to, half).norm().item<double>(), norm, 0.05 * norm);
  EXPECT_LT(((from + to) / 2).norm().item<double>(), 0.8 * norm);
}

TEST(Slerp, VectorsOfOneDirectionAreInterpolatedOnALine) {
  const at::Tensor quarter = at::full({1}, 0.25, at::kDouble);
  EXPECT_TRUE(at::allclose(slerp(vector({1, 1}), vector({3, 3}), quarter), vector({1.5, 1.5})));
}

}  // namespace
}  // namespace gm
