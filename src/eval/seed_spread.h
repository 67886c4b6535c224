/// How much figures differ between sampling seeds.
#pragma once

#include <string>
#include <vector>

#include "telemetry/evaluation_report.h"

namespace gm {

/// A figure of several seeds.
struct FigureSpread {
  std::string figure;
  double deviation = 0;  ///< The standard deviation, divided by n - 1.
  double smallest = 0, largest = 0;
};

/// Of each figure, in their order. `by_seed` has at least two seeds, with the same figures.
std::vector<FigureSpread> spread_of(const std::vector<SeedFigures>& by_seed);

}  // namespace gm
