// Distances between sets of features: closed forms, the same on any number of ranks, bad features.
#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "eval/feature_moments.h"
#include "eval/feature_neighbours.h"
#include "eval/frechet_distance.h"
#include "eval/kernel_distance.h"
#include "support/expect_error.h"
#include "support/test_world.h"

namespace gm {
namespace {

using testing::HasSubstr;

Communicator& distance_ranks() { return test_world().communicator(); }

/// The same features on every rank.
at::Tensor numbered_features(int64_t count, int64_t dimension, double shift) {
  const at::Tensor i = at::arange(count * dimension, at::kDouble).view({count, dimension});
  return ((i * 12.9898).sin() * 43758.5453).frac().add(shift).to(at::kFloat);
}

/// Statistics of the features, which are divided among the ranks.
FeatureStatistics divided_statistics(const at::Tensor& features) {
  FeatureMoments moments(features.size(1));
  const at::Tensor owner = at::arange(features.size(0), at::kLong) % distance_ranks().size();
  moments.add(features.index_select(0, owner.eq(distance_ranks().rank()).nonzero().flatten()));
  return moments.of_all_ranks(distance_ranks());
}

FeatureStatistics gaussian(double mean, const at::Tensor& covariance) {
  return {.count = 100,
          .mean = at::full({covariance.size(0)}, mean, at::kDouble),
          .covariance = covariance};
}

TEST(FeatureMoments, OfAllRanksAreThoseOfOne) {
  const at::Tensor features = numbered_features(23, 5, 3.0);
  const FeatureStatistics divided = divided_statistics(features);
  FeatureMoments all(5);
  all.add(features);
  SelfCommunicator alone;
  const FeatureStatistics expected = all.of_all_ranks(alone);
  EXPECT_EQ(divided.count, 23);
  EXPECT_TRUE(at::allclose(divided.mean, expected.mean, 1e-13, 0));
  EXPECT_TRUE(at::allclose(divided.covariance, expected.covariance, 1e-11, 1e-13));
}

TEST(FeatureMoments, RefuseNanOnAllRanksAndSingleImages) {
  at::Tensor features = numbered_features(8, 2, 0);
  features[7][1] = std::numeric_limits<float>::quiet_NaN();  // of one rank only
  expect_error<InputError>([&] { divided_statistics(features); }, HasSubstr("NaN"));
  expect_error<Error>([&] { divided_statistics(features.narrow(0, 0, 1)); },
                      HasSubstr("at least two features, not 1"));
}

TEST(FrechetDistance, HasTheClosedFormOfGaussians) {
  // Covariances that commute: the sum of the squared differences of means and deviations.
  const at::Tensor deviations = at::tensor({1.0, 2.0, 0.0, 0.5}),
                   others = at::tensor({3.0, 2.0, 1.0, 0.0});
  const double expected = 4 * 0.25 * 0.25 + (deviations - others).square().sum().item<double>();
  EXPECT_NEAR(frechet_distance(gaussian(0.25, at::diag(deviations.square())),
                               gaussian(0.5, at::diag(others.square()))),
              expected, 1e-12);
  // In one dimension.
  EXPECT_NEAR(frechet_distance(gaussian(1, at::full({1, 1}, 4.0)), gaussian(3, at::ones({1, 1}))),
              4 + 1, 1e-12);
}

TEST(FrechetDistance, OfAConstantIsTheTraceAndOfItselfZero) {
  const at::Tensor covariance = at::eye(6, at::kDouble) + 0.5;
  const FeatureStatistics a = gaussian(0, covariance);
  EXPECT_NEAR(frechet_distance(a, gaussian(0, at::zeros({6, 6}, at::kDouble))), 9.0, 1e-12);
  EXPECT_NEAR(frechet_distance(a, a), 0.0, 1e-12);
  EXPECT_GE(frechet_distance(a, a), 0.0);
}

TEST(FrechetDistance, OfSingularCovariancesIsExact) {
  // Two orthogonal lines of 40 dimensions: (S1 S2)^1/2 is zero.
  at::Tensor first = at::zeros({40, 40}, at::kDouble), second = first.clone();
  first[0][0] = 5;
  second[1][1] = 3;
  EXPECT_NEAR(frechet_distance(gaussian(0, first), gaussian(0, second)), 8.0, 1e-12);
}

TEST(FrechetDistance, RefusesNanAndOtherDimensions) {
  const FeatureStatistics good = gaussian(0, at::eye(2, at::kDouble));
  expect_error<InputError>([&] { frechet_distance(good, gaussian(NAN, good.covariance)); },
                           HasSubstr("NaN"));
  expect_error<Error>([&] { frechet_distance(good, gaussian(0, at::eye(3, at::kDouble))); },
                      HasSubstr("features of 2 and of 3 dimensions"));
}

TEST(KernelDistance, IsTheSameOnAnyNumberOfRanks) {
  const at::Tensor a = numbered_features(1100, 6, 0.0), b = numbered_features(37, 6, 0.3);
  SelfCommunicator alone;
  const KernelDistance divided = kernel_distance(a, b, distance_ranks()),
                       whole = kernel_distance(a, b, alone);
  EXPECT_NEAR(divided.value, whole.value, 1e-11 * std::abs(whole.value));
  EXPECT_NEAR(divided.standard_error, whole.standard_error, 1e-9 * whole.standard_error);
  const double subsets = kernel_distance_of_subsets(a, b, 7, distance_ranks());
  EXPECT_NEAR(subsets, kernel_distance_of_subsets(a, b, 7, alone), 1e-11 * std::abs(subsets));
  EXPECT_NE(subsets, kernel_distance_of_subsets(a, b, 8, alone));
}

TEST(KernelDistance, OfSubsetsIsThatOfAllPairsWhenASubsetIsTheWholeSet) {
  const at::Tensor a = numbered_features(50, 6, 0.0), b = numbered_features(50, 6, 0.5);
  const double expected = kernel_distance(a, b, distance_ranks()).value;
  EXPECT_NEAR(kernel_distance_of_subsets(a, b, 1, distance_ranks()), expected, 1e-11 * expected);
}

TEST(KernelDistance, OfOneDistributionIsZeroWithinItsError) {
  const at::Tensor features = numbered_features(400, 3, 0);
  const KernelDistance distance =
      kernel_distance(features.narrow(0, 0, 200), features.narrow(0, 200, 200), distance_ranks());
  EXPECT_LT(std::abs(distance.value), 4 * distance.standard_error);
  EXPECT_GT(distance.standard_error, 0);
}

TEST(KernelDistance, RefusesNanAndTwoImages) {
  at::Tensor features = numbered_features(8, 2, 0);
  expect_error<Error>(
      [&] { kernel_distance(features, features.narrow(0, 0, 2), distance_ranks()); },
      HasSubstr("at least three images on each side, not 2"));
  const at::Tensor bad = features.clone();
  bad[0][0] = std::numeric_limits<float>::infinity();
  expect_error<InputError>([&] { kernel_distance(bad, features, distance_ranks()); },
                           HasSubstr("NaN"));
}

TEST(FeatureNeighbours, ArePrecisionAndRecallOfKnownPoints) {
  // References 0..9 on a line: each radius is at most 3. Samples: four on the line, four far away
  // and near each other.
  const at::Tensor references = at::arange(10, at::kFloat).view({10, 1});
  const at::Tensor samples =
      at::tensor({0.5F, 1.5F, 2.5F, 3.5F, 100.0F, 101.0F, 102.0F, 103.0F}).view({8, 1});
  const PrecisionAndRecall found = precision_and_recall(samples, references, distance_ranks());
  EXPECT_DOUBLE_EQ(found.precision, 0.5);
  EXPECT_DOUBLE_EQ(found.recall, 0.7) << "3.5 reaches 3 to the left and to the right";
}

TEST(FeatureNeighbours, FindTheNearestReference) {
  const at::Tensor references = numbered_features(5000, 3, 0);  // more than one block
  const at::Tensor copied = at::tensor({4999, 3, 4096}, at::kLong);
  const NearestNeighbours found =
      nearest_neighbours(references.index_select(0, copied) + 1e-4, references, distance_ranks());
  EXPECT_TRUE(found.indices.equal(copied));
  EXPECT_TRUE(
      at::allclose(found.distances, at::full({3}, 1e-4 * std::sqrt(3.0), at::kDouble), 1e-2, 0));
}

TEST(FeatureNeighbours, RefuseTooFewImages) {
  const at::Tensor features = numbered_features(8, 2, 0);
  expect_error<Error>(
      [&] { precision_and_recall(features, features.narrow(0, 0, 3), distance_ranks()); },
      HasSubstr("more than 3 images on each side, not 3"));
}

}  // namespace
}  // namespace gm
