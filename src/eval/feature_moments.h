/// Mean and covariance of features, accumulated over batches and ranks.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "comm/communicator.h"

namespace gm {

/// The Gaussian distribution that has the moments of `count` features.
struct FeatureStatistics {
  int64_t count = 0;
  at::Tensor mean;        ///< float64 [D] on the CPU.
  at::Tensor covariance;  ///< float64 [D,D] on the CPU, divided by count - 1 as in numpy.cov.
};

/// Sums of features and of their products. Memory and exchange between ranks do not depend on the
/// number of features: 8 D (D + 1) bytes. In float64, because float32 moments change the distances
/// between distributions visibly.
class FeatureMoments {
 public:
  /// Of features with `dimension` values each.
  explicit FeatureMoments(int64_t dimension);

  /// Adds features of this rank: float [n,D] on any device; n may be 0.
  void add(const at::Tensor& features);
  /// The statistics of what all ranks have added. Called by all ranks, which get the same. Throws
  /// Error on all of them if a feature was NaN or infinite, or if there are fewer than two.
  FeatureStatistics of_all_ranks(Communicator& communicator) const;

 private:
  at::Tensor sums_;  ///< float64 [D + 1,D]: row 0 the sums, the other rows the products.
  int64_t count_ = 0;
};

/// The statistics of `features`, float [n,D] on the CPU, the same on all ranks, which divide the
/// work. Errors as for of_all_ranks().
FeatureStatistics statistics_of(const at::Tensor& features, Communicator& communicator);

/// Throws Error if a value of `features` is NaN or infinite.
void require_finite_features(const at::Tensor& features);

}  // namespace gm
