#include "eval/feature_moments.h"

#include <ATen/ATen.h>

#include "base/error.h"
#include "comm/distributed_range.h"
#include "device/transfer.h"

namespace gm {

FeatureMoments::FeatureMoments(int64_t dimension)
    : sums_(at::zeros({dimension + 1, dimension}, at::kDouble)) {}

void FeatureMoments::add(const at::Tensor& features) {
  const at::Tensor values = download(features).to(at::kDouble);
  sums_[0].add_(values.sum(0));
  sums_.narrow(0, 1, sums_.size(1)).addmm_(values.t(), values);
  count_ += values.size(0);
}

FeatureStatistics FeatureMoments::of_all_ranks(Communicator& communicator) const {
  const at::Tensor sums = sums_.clone();
  const at::Tensor counts = at::full({1}, count_, at::kLong);
  communicator.all_reduce_sum(sums);
  communicator.all_reduce_sum(counts);
  require_finite_features(sums);
  const auto count = counts.item<int64_t>();
  if (count < 2) throw Error("a covariance needs at least two features, not {}", count);
  const at::Tensor mean = sums[0] / count;
  const at::Tensor products = sums.narrow(0, 1, sums.size(1));
  const at::Tensor covariance = (products - count * at::outer(mean, mean)) / (count - 1);
  return {.count = count, .mean = mean, .covariance = (covariance + covariance.t()) / 2};
}

FeatureStatistics statistics_of(const at::Tensor& features, Communicator& communicator) {
  constexpr int64_t kRows = 1024;
  FeatureMoments moments(features.size(1));
  const DistributedRange work{.count = features.size(0), .batch_size = kRows};
  for_each_rank_batch(work, communicator, [&](const at::Tensor& items, int64_t valid) {
    moments.add(features.index_select(0, items.narrow(0, 0, valid)));
  });
  return moments.of_all_ranks(communicator);
}

void require_finite_features(const at::Tensor& features) {
  if (features.isfinite().all().item<bool>()) return;
  throw InputError(
      "the features of images hold NaN or infinite values, so distances between them do not exist; "
      "check that the images are finite (a run that diverged makes NaN) and the feature extractor");
}

}  // namespace gm
