#include "eval/seed_spread.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace gm {

std::vector<FigureSpread> spread_of(const std::vector<SeedFigures>& by_seed) {
  std::vector<FigureSpread> spreads;
  const auto n = static_cast<double>(by_seed.size());
  for (size_t i = 0; i < by_seed.front().figures.size(); ++i) {
    std::vector<double> values;
    for (const SeedFigures& of_seed : by_seed) values.push_back(of_seed.figures[i].second);
    const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
    double squares = 0;
    for (const double value : values) squares += (value - mean) * (value - mean);
    const auto [smallest, largest] = std::ranges::minmax(values);
    spreads.push_back({.figure = by_seed.front().figures[i].first,
                       .deviation = std::sqrt(squares / (n - 1)),
                       .smallest = smallest,
                       .largest = largest});
  }
  return spreads;
}

}  // namespace gm
