/// Notices over-fitting: the loss on held-out images rises while training continues.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

namespace gm {

class OverfittingMonitor {
 public:
  /// `loss`: on held-out images, after `step`. Returns a sentence for the user when it has risen
  /// for three evaluations in a row, once for each such rise; otherwise an empty text.
  std::string observe(int64_t step, double loss);

 private:
  double previous_ = std::numeric_limits<double>::quiet_NaN();  // compares as neither more nor less
  double best_ = std::numeric_limits<double>::infinity();
  int64_t best_step_ = 0;
  int rises_ = 0;
};

}  // namespace gm
