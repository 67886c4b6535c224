// Compares distances between sets of features with NumPy and SciPy (distance_answers.py).
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "answers.h"
#include "checkpoint/safetensors.h"
#include "eval/feature_moments.h"
#include "eval/feature_neighbours.h"
#include "eval/frechet_distance.h"
#include "eval/kernel_distance.h"

namespace gm::parity {
namespace {

class DistanceParity : public testing::TestWithParam<const char*> {
 protected:
  at::Tensor read(const char* what) const {
    return answers_.at(GetParam() + std::string(".") + what);
  }
  double number(const char* what, int64_t index = 0) const {
    return read(what)[index].item<double>();
  }
  /// The statistics of features that come in three batches, one of them empty.
  FeatureStatistics statistics(const char* what) {
    const at::Tensor features = read(what);
    FeatureMoments moments(features.size(1));
    moments.add(features.narrow(0, 0, 4));
    moments.add(features.narrow(0, 4, 0));
    moments.add(features.narrow(0, 4, features.size(0) - 4));
    return moments.of_all_ranks(alone_);
  }

  TensorMap answers_ = load_safetensors(answer("distances.safetensors"));
  SelfCommunicator alone_;
};

TEST_P(DistanceParity, MomentsAgree) {
  const FeatureStatistics actual = statistics("samples");
  EXPECT_EQ(actual.count, read("samples").size(0));
  EXPECT_TRUE(at::allclose(actual.mean, read("mean"), 1e-12, 1e-12));
  EXPECT_TRUE(at::allclose(actual.covariance, read("covariance"), 1e-12, 1e-12));
}

TEST_P(DistanceParity, FrechetDistancesAgree) {
  const FeatureStatistics a = statistics("samples"), b = statistics("references");
  const double expected = number("frechet");
  EXPECT_NEAR(frechet_distance(a, b), expected, 1e-7 * expected);
  EXPECT_NEAR(frechet_distance(b, a), frechet_distance(a, b), 1e-12 * expected);
}

TEST_P(DistanceParity, KernelDistancesAgree) {
  const KernelDistance actual = kernel_distance(read("samples"), read("references"), alone_);
  EXPECT_NEAR(actual.value, number("kid", 0), 1e-9 * number("kid", 0));
  EXPECT_NEAR(actual.standard_error, number("kid", 1), 1e-8 * number("kid", 1));
}

TEST_P(DistanceParity, PrecisionAndRecallAgree) {
  const PrecisionAndRecall actual =
      precision_and_recall(read("samples"), read("references"), alone_);
  EXPECT_DOUBLE_EQ(actual.precision, number("precision_recall", 0));
  EXPECT_DOUBLE_EQ(actual.recall, number("precision_recall", 1));
}

TEST_P(DistanceParity, NearestNeighboursAgree) {
  const NearestNeighbours actual = nearest_neighbours(read("samples"), read("references"), alone_);
  EXPECT_TRUE(actual.indices.equal(read("nearest")));
  EXPECT_TRUE(at::allclose(actual.distances, read("distance"), 1e-9, 1e-9));
}

INSTANTIATE_TEST_SUITE_P(Cases, DistanceParity,
                         testing::Values("regular", "singular", "one_singular"));

}  // namespace
}  // namespace gm::parity
