/// Finds the rank that delays the others.
#pragma once

#include <vector>

namespace gm {

struct SlowestRank {
  int rank = 0;
  double ratio = 1;  ///< Its time divided by the median of all ranks.
};

/// `seconds`: what each rank spent on its own work in a step, without waiting for other ranks. Of
/// two middle values, the lower one is the median, so that of two ranks the faster one counts.
SlowestRank slowest_rank(const std::vector<double>& seconds);

}  // namespace gm
