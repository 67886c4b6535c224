#include "eval/feature_neighbours.h"

#include <ATen/ATen.h>

#include <limits>

#include "base/error.h"
#include "eval/feature_blocks.h"
#include "eval/feature_moments.h"

namespace gm {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The squared distances of all pairs of rows: float64 [a,b].
at::Tensor squared_distances(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor lengths = a.square().sum(1, /*keepdim=*/true) + b.square().sum(1);
  return lengths.addmm_(a, b.t(), /*beta=*/1, /*alpha=*/-2).clamp_min_(0);
}

/// For each feature, the squared distance to its third neighbour in the same set: float64 [n].
at::Tensor squared_radii(const at::Tensor& features, Communicator& communicator) {
  return for_all_rows(features, {}, communicator, [&](const FeatureRows& rows) {
    at::Tensor nearest =
        at::full({rows.values.size(0), kRadiusNeighbour}, kInfinity, rows.values.options());
    for_each_column_block(features, [&](int64_t first, const at::Tensor& block) {
      const at::Tensor itself = rows.indices.unsqueeze(1).eq(
          at::arange(first, first + block.size(0), rows.indices.options()));
      const at::Tensor distances =
          squared_distances(rows.values, block).masked_fill_(itself, kInfinity);
      nearest = std::get<0>(
          at::cat({nearest, distances}, 1).topk(kRadiusNeighbour, 1, /*largest=*/false));
    });
    return std::get<0>(nearest.max(1));
  });
}

/// The fraction of `features` that are within the radius of at least one feature of `set`.
double fraction_within(const at::Tensor& features, const at::Tensor& set, const at::Tensor& radii,
                       Communicator& communicator) {
  const at::Tensor is_within =
      for_all_rows(features, {}, communicator, [&](const FeatureRows& rows) {
        const at::Tensor within = at::zeros({rows.values.size(0)}, at::kBool);
        for_each_column_block(set, [&](int64_t first, const at::Tensor& block) {
          const at::Tensor limits = radii.narrow(0, first, block.size(0));
          within.logical_or_(squared_distances(rows.values, block).le(limits).any(1));
        });
        return within.to(at::kDouble);
      });
  return is_within.mean().item<double>();
}

void require_enough(const at::Tensor& features) {
  require_finite_features(features);
  if (features.size(0) > kRadiusNeighbour) return;
  throw Error("precision and recall need more than {} images on each side, not {}",
              kRadiusNeighbour, features.size(0));
}

}  // namespace

PrecisionAndRecall precision_and_recall(const at::Tensor& samples, const at::Tensor& references,
                                        Communicator& communicator) {
  require_enough(samples);
  require_enough(references);
  const at::Tensor of_samples = squared_radii(samples, communicator),
                   of_references = squared_radii(references, communicator);
  return {.precision = fraction_within(samples, references, of_references, communicator),
          .recall = fraction_within(references, samples, of_samples, communicator)};
}

NearestNeighbours nearest_neighbours(const at::Tensor& samples, const at::Tensor& references,
                                     Communicator& communicator) {
  require_finite_features(samples);
  require_finite_features(references);
  // Columns: the squared distance and the index, which float64 holds exactly.
  const at::Tensor nearest = for_all_rows(samples, {2}, communicator, [&](const FeatureRows& rows) {
    const at::Tensor best = at::full({rows.values.size(0), 2}, kInfinity, rows.values.options());
    for_each_column_block(references, [&](int64_t first, const at::Tensor& block) {
      const auto [distances, indices] = squared_distances(rows.values, block).min(1);
      const at::Tensor candidate = at::stack({distances, (indices + first).to(at::kDouble)}, 1);
      best.copy_(at::where(distances.lt(best.select(1, 0)).unsqueeze(1), candidate, best));
    });
    return best;
  });
  return {.indices = nearest.select(1, 1).to(at::kLong), .distances = nearest.select(1, 0).sqrt()};
}

}  // namespace gm
