#include "tasks/gan_monitor.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <utility>

namespace gm {

namespace {

/// A discriminator whose loss is below this fraction of the loss of guessing gives the generator
/// nothing to learn. For minimax, these are outputs of 0.93 on real and 0.07 on generated images.
constexpr double kSure = 0.1;
/// The generator has collapsed if inpainted images differ by less than this fraction of real ones.
constexpr double kAlike = 0.1;

/// Counts consecutive steps. Returns true at step number kPatience.
bool lasts(bool now, int64_t& steps) {
  steps = now ? steps + 1 : 0;
  return steps == GanMonitor::kPatience;
}

/// The absolute differences of images 0 and 1, of images 2 and 3, ...: [n/2,C,H,W].
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
        "the discriminator has won for {} steps: its loss is {:.3f}, while guessing gives {:.3f}; "
        "try a lower gan.discriminator_lr_scale, or gan.r1",
        kPatience, loss, chance_);
  }
  const auto diversity = terms.find("diversity");
  if (diversity == terms.end()) {
    if (std::exchange(unmeasured_, true)) return {};
    return "the diversity of inpainted images is not measured, so a collapse is not detected: a "
           "rank's part of a micro-batch has an odd number of images; set train.batch_size to an "
           "even multiple of the number of ranks";
  }
  const double original = terms.at("diversity_real");
  if (lasts(diversity->second < kAlike * original, collapsed_)) {
    return fmt::format(
        "the generator has filled all masks alike for {} steps: inpainted images differ by {:.3f}, "
        "real ones by {:.3f}; try a lower gan.lambda, or another gan.loss",
        kPatience, diversity->second, original);
  }
  return {};
}

}  // namespace gm
