#include "run/overfitting_monitor.h"

#include <fmt/format.h>

#include <utility>

namespace gm {

std::string OverfittingMonitor::observe(int64_t step, double loss) {
  constexpr int kRises = 3;
  rises_ = loss > std::exchange(previous_, loss) ? rises_ + 1 : 0;
  if (loss < best_) {
    best_ = loss;
    best_step_ = step;
  }
  if (rises_ != kRises) return {};
  return fmt::format(
      "the loss on held-out images has risen for three evaluations in a row, which is "
      "over-fitting: "
      "it was best at step {} ({:.4g}, now {:.4g}), and checkpoint.keep_best = \"loss_held_out\" "
      "keeps the best checkpoint",
      best_step_, best_, loss);
}

}  // namespace gm
