#include "run/overfitting_monitor.h"

#include <fmt/format.h>

#include <utility>

#include "eval/loss_evaluation.h"

namespace gm {

std::string OverfittingMonitor::observe(int64_t step, const Figures& figures) {
  constexpr int kRises = 3;
  constexpr double kMargin = 1.01;  // of the best loss: less may be chance
  const double loss = find_figure(figures, kHeldOutLoss).value_or(kNone);
  const double gap = find_figure(figures, kLossGap).value_or(kNone);
  const bool loss_rises = loss > std::exchange(previous_loss_, loss) && loss > kMargin * best_;
  const bool gap_rises = gap > std::exchange(previous_gap_, gap);
  rises_ = loss_rises && gap_rises ? rises_ + 1 : 0;
  if (loss < best_) {
    best_ = loss;
    best_step_ = step;
  }
  if (rises_ != kRises) return {};
  return fmt::format(
      "the loss on held-out images has risen for three evaluations in a row, and that on training "
      "images has not risen as much, which is over-fitting: it was best at step {} ({:.4g}, now "
      "{:.4g}){}",
      best_step_, best_, loss,
      keeps_best_ ? "" : "; checkpoint.keep_best = \"loss_held_out\" keeps the best checkpoint");
}

}  // namespace gm
