#include "eval/frechet_distance.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "comm/on_rank_zero.h"

namespace gm {
namespace {

/// Whether all pivots of the Cholesky factor `lower` are far above rounding errors.
bool has_full_rank(const at::Tensor& lower) {
  constexpr double kSmallestPivot = 1e-10;
  const at::Tensor pivots = lower.diagonal().square();
  return (pivots.min() > kSmallestPivot * pivots.max()).item<bool>();
}

/// F [D,r] with F F^T = `covariance`, where r is its rank. If it is D, by Cholesky, which takes a
/// tenth of the time of eigenvectors. Else eigenvalues that rounding alone makes different from
/// zero are left out: the square root would magnify them from 1e-16 to 1e-8.
at::Tensor factor_of(const at::Tensor& covariance) {
  const auto [lower, failed_at] = at::linalg_cholesky_ex(covariance);
  if (failed_at.item<int32_t>() == 0 && has_full_rank(lower)) return lower;
  const auto [values, vectors] = at::linalg_eigh(covariance);
  const double limit = static_cast<double>(values.numel()) *
                       std::numeric_limits<double>::epsilon() * values.abs().max().item<double>();
  const at::Tensor kept = (values > limit).nonzero().flatten();
  return vectors.index_select(1, kept) * values.index_select(0, kept).sqrt();
}

double trace_of_root(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor product = at::mm(factor_of(a).t(), factor_of(b));
  return product.numel() == 0 ? 0.0 : at::linalg_svdvals(product).sum().item<double>();
}

}  // namespace

double frechet_distance(const FeatureStatistics& a, const FeatureStatistics& b) {
  if (a.mean.sizes() != b.mean.sizes()) {
    throw Error("features of {} and of {} dimensions cannot be compared", a.mean.numel(),
                b.mean.numel());
  }
  for (const FeatureStatistics* statistics : {&a, &b}) {
    require_finite_features(statistics->mean);
    require_finite_features(statistics->covariance);
  }
  const double means = (a.mean - b.mean).square().sum().item<double>();
  const double traces = (a.covariance.trace() + b.covariance.trace()).item<double>();
  return std::max(0.0, means + traces - 2 * trace_of_root(a.covariance, b.covariance));
}

double frechet_distance(const FeatureStatistics& a, const FeatureStatistics& b,
                        Communicator& communicator) {
  const at::Tensor distance = at::zeros({1}, at::kDouble);
  on_rank_zero(communicator, [&] { distance.fill_(frechet_distance(a, b)); });
  communicator.broadcast(distance, 0);
  return distance.item<double>();
}

}  // namespace gm
