#include "tasks/gan_monitor.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <utility>

namespace gm {

namespace {

/// A discriminator with less than this part of the loss that chance costs has nothing to teach. Of
/// minimax it is what a sure one has: 0.93 on real images, 0.07 on made ones.
constexpr double kSure = 0.1;
/// Filled images that differ less than this part of what real ones do.
constexpr double kAlike = 0.1;

/// Counts steps in a row; true at the one that uses patience up.
bool lasts(bool now, int64_t& steps) {
  steps = now ? steps + 1 : 0;
  return steps == GanMonitor::kPatience;
}

/// Of the first of `images` from the second, the third from the fourth, ...: [n/2,C,H,W].
at::Tensor pair_differences(const at::Tensor& images) {
  const at::Tensor both = images.unflatten(0, {-1, 2});
  return (both.select(1, 0) - both.select(1, 1)).abs();
}

}  // namespace

void add_diversity(const at::Tensor& filled, const at::Tensor& images, const at::Tensor& masks,
                   std::map<std::string, at::Tensor>& terms) {
  const at::NoGradGuard no_graph;
  if (images.size(0) % 2 != 0) return;
  const at::Tensor missing = masks.unflatten(0, {-1, 2}).prod(1);
  const at::Tensor values = (missing.sum({1, 2, 3}) * images.size(1)).clamp_min(1);
  const auto difference = [&](const at::Tensor& x) {
    return ((pair_differences(x) * missing).sum({1, 2, 3}) / values).mean();
  };
  terms["diversity"] = difference(filled);
  terms["diversity_real"] = difference(images);
}

std::string GanMonitor::observe(const std::map<std::string, double>& terms) {
  const double loss = terms.at("real") + terms.at("fake");
  if (lasts(loss < kSure * chance_, won_)) {
    return fmt::format(
        "the discriminator has won for {} steps: its loss is {:.3f}, where chance costs {:.3f}; "
        "try a lower gan.discriminator_lr_scale, or gan.r1",
        kPatience, loss, chance_);
  }
  const auto diversity = terms.find("diversity");
  if (diversity == terms.end()) {
    if (std::exchange(unmeasured_, true)) return {};
    return "the diversity of fillings is not measured, and a collapse not noticed: a rank's part "
           "of a micro-batch is an odd number of images; try an even multiple of the ranks for "
           "train.batch_size";
  }
  const double original = terms.at("diversity_real");
  if (lasts(diversity->second < kAlike * original, collapsed_)) {
    return fmt::format(
        "the generator has filled all masks alike for {} steps: images differ by {:.3f}, real "
        "ones by {:.3f}; try a lower gan.lambda, or another gan.loss",
        kPatience, diversity->second, original);
  }
  return {};
}

}  // namespace gm
