#include "report/downsampled_curve.h"

#include <algorithm>
#include <cmath>

namespace gm {
namespace {

constexpr size_t kMostParts = 512;
constexpr size_t kFewestToSmooth = 20;

}  // namespace

void DownsampledCurve::Part::add(double x, double y) {
  points += 1;
  sum_x += x;
  if (!std::isfinite(y)) return;
  if (finite == 0 || y < low.y) low = {x, y};
  if (finite == 0 || y > high.y) high = {x, y};
  finite += 1;
  sum_y += y;
}

void DownsampledCurve::Part::add(const Part& next) {
  if (finite == 0 || (next.finite > 0 && next.low.y < low.y)) low = next.low;
  if (finite == 0 || (next.finite > 0 && next.high.y > high.y)) high = next.high;
  sum_x += next.sum_x;
  sum_y += next.sum_y;
  points += next.points;
  finite += next.finite;
}

Point DownsampledCurve::Part::mean() const {
  return {sum_x / static_cast<double>(points),
          finite > 0 ? sum_y / static_cast<double>(finite) : kGap};
}

void DownsampledCurve::add(double x, double y) {
  if (parts_.empty() || parts_.back().points == part_points_) {
    if (parts_.size() == kMostParts) halve();
    parts_.emplace_back();
  }
  parts_.back().add(x, y);
  if (std::isfinite(y)) last_ = y;
}

/// Joins each part with its neighbour.
void DownsampledCurve::halve() {
  for (size_t i = 0; i < kMostParts / 2; ++i) {
    Part joined = parts_[2 * i];
    joined.add(parts_[2 * i + 1]);
    parts_[i] = joined;
  }
  parts_.resize(kMostParts / 2);
  part_points_ *= 2;
}

int64_t DownsampledCurve::count() const {
  int64_t count = 0;
  for (const Part& part : parts_) count += part.finite;
  return count;
}

std::vector<Point> DownsampledCurve::extremes() const {
  std::vector<Point> points;
  for (const Part& part : parts_) {
    if (part.finite == 0) {
      points.push_back(part.mean());
      continue;
    }
    const auto [first, second] =
        std::minmax(part.low, part.high, [](const Point& a, const Point& b) { return a.x < b.x; });
    points.push_back(first);
    if (second.x != first.x) points.push_back(second);
  }
  return points;
}

std::vector<Point> DownsampledCurve::means() const {
  std::vector<Point> points;
  for (const Part& part : parts_) points.push_back(part.mean());
  return points;
}

std::vector<Point> DownsampledCurve::smoothed() const {
  if (parts_.size() < kFewestToSmooth) return {};
  const size_t reach = parts_.size() / 40;
  std::vector<Point> points;
  for (size_t i = 0; i < parts_.size(); ++i) {
    Part window;
    for (size_t j = i - std::min(i, reach); j <= std::min(i + reach, parts_.size() - 1); ++j) {
      window.add(parts_[j]);
    }
    points.push_back({parts_[i].mean().x, window.mean().y});
  }
  return points;
}

}  // namespace gm
