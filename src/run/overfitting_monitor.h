/// Notices over-fitting: the loss on held-out images rises, and that on training images does not.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "telemetry/evaluation_report.h"

namespace gm {

class OverfittingMonitor {
 public:
  /// `keeps_best`: whether the run keeps its best checkpoint; otherwise the monitor suggests it.
  explicit OverfittingMonitor(bool keeps_best) : keeps_best_(keeps_best) {}

  /// `figures`: those of LossEvaluation, after `step`. Returns a sentence for the user after three
  /// rises in a row, once for each such row; otherwise an empty text. In a rise, the loss on
  /// held-out images grows and is clearly above its best value, and its distance from the loss on
  /// training images grows too. A NaN ends a row.
  std::string observe(int64_t step, const Figures& figures);

 private:
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();  // compares as no rise

  bool keeps_best_;
  double previous_loss_ = kNone, previous_gap_ = kNone;
  double best_ = std::numeric_limits<double>::infinity();
  int64_t best_step_ = 0;
  int rises_ = 0;
};

}  // namespace gm
