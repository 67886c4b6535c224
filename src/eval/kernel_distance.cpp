#include "eval/kernel_distance.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "base/counter_rng.h"
#include "base/error.h"
#include "comm/distributed_range.h"
#include "eval/draw_indices.h"
#include "eval/feature_blocks.h"
#include "eval/feature_moments.h"

namespace gm {
namespace {

constexpr int64_t kSubsets = 100;
constexpr int64_t kLargestSubset = 1000;

void require_comparable(const at::Tensor& samples, const at::Tensor& references) {
  for (const at::Tensor& features : {samples, references}) {
    require_finite_features(features);
    if (features.size(0) < 3) {
      throw Error("a kernel distance needs at least three images on each side, not {}",
                  features.size(0));
    }
  }
}

/// k(x, y) for all pairs of rows: float64 [a,b].
at::Tensor kernel(const at::Tensor& a, const at::Tensor& b) {
  return at::mm(a, b.t()).div_(a.size(1)).add_(1).pow_(3);
}

/// k(x, x) for each row.
at::Tensor kernel_with_itself(const at::Tensor& a) {
  return a.square().sum(1).div_(a.size(1)).add_(1).pow_(3);
}

/// The sums of the kernel over the pairs of a sample and a reference.
struct CrossSums {
  at::Tensor of_samples;     ///< [n]: of each sample, over the references.
  at::Tensor of_references;  ///< [m]: of each reference, over the samples.
};
CrossSums cross_sums(const at::Tensor& samples, const at::Tensor& references,
                     Communicator& communicator) {
  const at::Tensor of_references = at::zeros({references.size(0)}, at::kDouble);
  const at::Tensor of_samples =
      for_all_rows(samples, {}, communicator, [&](const FeatureRows& block) {
        const at::Tensor sums = at::zeros({block.values.size(0)}, at::kDouble);
        for_each_column_block(references, [&](int64_t first, const at::Tensor& others) {
          const at::Tensor pairs = kernel(block.values, others);
          sums.add_(pairs.sum(1));
          of_references.narrow(0, first, others.size(0)).add_(pairs.sum(0));
        });
        return sums;
      });
  communicator.all_reduce_sum(of_references);
  return {of_samples, of_references};
}

/// For each feature, the sum of the kernel over the other features of its set: float64 [n].
at::Tensor kernel_sums_of_others(const at::Tensor& features, Communicator& communicator) {
  return for_all_rows(features, {}, communicator, [&](const FeatureRows& block) {
    const at::Tensor sums = kernel_with_itself(block.values).neg_();
    for_each_column_block(features, [&](int64_t, const at::Tensor& others) {
      sums.add_(kernel(block.values, others).sum(1));
    });
    return sums;
  });
}

/// The squares of the differences from their mean, times (n - 1) / n.
double jackknife_variance(const at::Tensor& estimates) {
  const auto n = static_cast<double>(estimates.numel());
  return (estimates - estimates.mean()).square().sum().item<double>() * (n - 1) / n;
}

/// The sums over pairs that the estimate consists of, seen from one of the two sets.
struct Side {
  at::Tensor within;  ///< [n]: for each feature, the kernel's sum over the others of its set.
  at::Tensor across;  ///< [n]: over the other set.

  double count() const { return static_cast<double>(within.numel()); }
  /// The mean of the kernel over pairs within the set.
  double mean_within() const { return within.sum().item<double>() / (count() * (count() - 1)); }
  /// The estimates without each of the features: float64 [n].
  at::Tensor estimates_without_each(const Side& other) const {
    const double n = count();
    const at::Tensor own = (within.sum() - 2 * within) / ((n - 1) * (n - 2));
    const at::Tensor shared = (across.sum() - across) / ((n - 1) * other.count());
    return own + other.mean_within() - 2 * shared;
  }
};

/// The sum of the kernel over pairs of different features.
double sum_of_pairs(const at::Tensor& features) {
  return (kernel(features, features).sum() - kernel_with_itself(features).sum()).item<double>();
}

/// The unbiased estimate from two sets of the same size.
double estimate(const at::Tensor& a, const at::Tensor& b) {
  const auto n = static_cast<double>(a.size(0));
  const double within = (sum_of_pairs(a) + sum_of_pairs(b)) / (n * (n - 1));
  return within - 2 * kernel(a, b).mean().item<double>();
}

}  // namespace

KernelDistance kernel_distance(const at::Tensor& samples, const at::Tensor& references,
                               Communicator& communicator) {
  require_comparable(samples, references);
  const auto [of_samples, of_references] = cross_sums(samples, references, communicator);
  const Side a{kernel_sums_of_others(samples, communicator), of_samples};
  const Side b{kernel_sums_of_others(references, communicator), of_references};
  const double across = a.across.sum().item<double>() / (a.count() * b.count());
  const double variance = jackknife_variance(a.estimates_without_each(b)) +
                          jackknife_variance(b.estimates_without_each(a));
  return {.value = a.mean_within() + b.mean_within() - 2 * across,
          .standard_error = std::sqrt(variance)};
}

double kernel_distance_of_subsets(const at::Tensor& samples, const at::Tensor& references,
                                  uint64_t seed, Communicator& communicator) {
  require_comparable(samples, references);
  const int64_t count = std::min({samples.size(0), references.size(0), kLargestSubset});
  const at::Tensor sum = at::zeros({1}, at::kDouble);
  const DistributedRange work{.count = kSubsets, .batch_size = 1};
  for_each_rank_batch(work, communicator, [&](const at::Tensor& subset, int64_t valid) {
    if (valid == 0) return;
    const auto number = subset.item<int64_t>();
    const auto draw = [&](const at::Tensor& features, uint32_t side) {
      const CounterRng random(seed, Stream::kFeatureSubset, static_cast<uint64_t>(number), side);
      const at::Tensor drawn = draw_indices(features.size(0), count, random);
      return features.index_select(0, drawn).to(at::kDouble);
    };
    sum.add_(estimate(draw(samples, 0), draw(references, 1)));
  });
  communicator.all_reduce_sum(sum);
  return sum.item<double>() / kSubsets;
}

}  // namespace gm
