#include "tasks/gan_watch.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

namespace gm {

namespace {

/// A discriminator this sure of both kinds has nothing to teach.
constexpr double kSure = 0.95;
/// Filled pictures that differ less than this part of what real ones do.
constexpr double kAlike = 0.1;

/// Counts steps in a row; true at the one that uses patience up.
bool lasts(bool now, int64_t& steps) {
  steps = now ? steps + 1 : 0;
  return steps == GanWatch::kPatience;
}

/// Of the first of `pictures` from the second, the third from the fourth, ...: [n/2,C,H,W].
at::Tensor pair_differences(const at::Tensor& pictures, int64_t pairs) {
  const at::Tensor both = pictures.narrow(0, 0, 2 * pairs).unflatten(0, {pairs, 2});
  return (both.select(1, 0) - both.select(1, 1)).abs();
}

}  // namespace

void add_diversity(const at::Tensor& filled, const at::Tensor& pictures, const at::Tensor& masks,
                   std::map<std::string, at::Tensor>& terms) {
  const at::NoGradGuard no_graph;
  const int64_t pairs = pictures.size(0) / 2;
  if (pairs == 0) return;
  const at::Tensor missing = masks.narrow(0, 0, 2 * pairs).unflatten(0, {pairs, 2}).prod(1);
  const at::Tensor values = (missing.sum({1, 2, 3}) * pictures.size(1)).clamp_min(1);
  const auto difference = [&](const at::Tensor& x) {
    return ((pair_differences(x, pairs) * missing).sum({1, 2, 3}) / values).mean();
  };
  terms["diversity"] = difference(filled);
  terms["diversity_real"] = difference(pictures);
}

std::string GanWatch::look(const std::map<std::string, double>& terms) {
  const double real = terms.at("probability_real"), fake = terms.at("probability_fake");
  if (lasts(real > kSure && fake < 1 - kSure, won_)) {
    return fmt::format(
        "the discriminator has won for {} steps: {:.3f} on real pictures, {:.3f} on filled ones; "
        "try a lower gan.discriminator_rate, or gan.r1",
        kPatience, real, fake);
  }
  const auto diversity = terms.find("diversity");
  if (diversity == terms.end()) return {};
  const double original = terms.at("diversity_real");
  if (lasts(diversity->second < kAlike * original, collapsed_)) {
    return fmt::format(
        "the generator has filled all holes alike for {} steps: pictures differ by {:.3f}, real "
        "ones by {:.3f}; try a lower gan.lambda, or another gan.loss",
        kPatience, diversity->second, original);
  }
  return {};
}

}  // namespace gm
