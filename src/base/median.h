/// The median of a few numbers.
#pragma once

#include <algorithm>
#include <vector>

namespace gm {

/// Of two middle values, the larger. Expects at least one value, and no NaN.
inline double median(std::vector<double> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace gm
