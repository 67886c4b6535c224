#include "telemetry/slowest_rank.h"

#include <algorithm>

namespace gm {

SlowestRank slowest_rank(const std::vector<double>& seconds) {
  const auto slowest = std::ranges::max_element(seconds);
  std::vector<double> sorted = seconds;
  std::ranges::sort(sorted);
  const double median = sorted[(sorted.size() - 1) / 2];
  return {.rank = static_cast<int>(slowest - seconds.begin()),
          .ratio = median > 0 ? *slowest / median : 1};
}

}  // namespace gm
