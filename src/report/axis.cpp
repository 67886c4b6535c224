#include "report/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/with_thousands.h"

namespace gm {
namespace {

constexpr double kWide = 10;
constexpr double kMargin = 0.05;  // of the range of the values, on each side
constexpr int kIntervals = 5;

/// The round number, 1, 2 or 5 times a power of ten, that divides `range` into about kIntervals.
double round_interval(double range) {
  const double raw = range / kIntervals;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (raw <= factor * power * 1.2) return factor * power;
  }
  return 10 * power;
}

}  // namespace

Axis::Axis(AxisScale scale, const std::vector<double>& values) {
  *this = exact(values);
  if (scale == AxisScale::kLogIfWide && low_ > 0 && high_ >= kWide * low_) {
    make_log();
  } else {
    make_linear(scale);
  }
}

Axis Axis::exact(const std::vector<double>& values) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  Axis axis;
  if (low <= high) axis.low_ = low, axis.high_ = high;
  // Values that are equal, or that differ less than a double can divide, lie in the middle.
  const double least = 1e-9 * std::max(std::abs(axis.low_), std::abs(axis.high_));
  if (axis.high_ - axis.low_ <= least) {
    const double half = axis.low_ == 0 ? 1 : 0.5 * std::abs(axis.low_);
    axis.low_ -= half;
    axis.high_ += half;
  }
  return axis;
}

void Axis::make_linear(AxisScale scale) {
  const double margin = kMargin * (high_ - low_);
  const bool from_zero = scale == AxisScale::kFromZero && low_ >= 0;
  // A margin does not reach below zero, where no value is.
  low_ = from_zero || (low_ >= 0 && low_ < margin) ? 0 : low_ - margin;
  high_ += margin;
}

void Axis::make_log() {
  is_log_ = true;
  const double margin = std::pow(high_ / low_, kMargin);
  low_ /= margin;
  high_ *= margin;
}

double Axis::position(double value) const {
  if (!is_log_) return (value - low_) / (high_ - low_);
  return std::log(value / low_) / std::log(high_ / low_);
}

std::vector<double> Axis::ticks() const {
  if (is_log_) return log_ticks();
  const double interval = round_interval(high_ - low_);
  std::vector<double> ticks;
  const double slack = 1e-9 * interval;
  for (double i = std::ceil((low_ - slack) / interval); i * interval <= high_ + slack; ++i) {
    ticks.push_back(i * interval + 0.0);  // no -0
  }
  return ticks;
}

/// Powers of ten; with 2 and 5 times a power where those are few; not all of them where many.
std::vector<double> Axis::log_ticks() const {
  const double decades = std::log10(high_ / low_);
  const int stride = static_cast<int>(std::ceil(decades / (kIntervals + 1)));
  std::vector<double> factors{1};
  if (decades < 3) factors = {1, 2, 5};
  std::vector<double> ticks;
  for (int power = static_cast<int>(std::floor(std::log10(low_)));
       power <= static_cast<int>(std::ceil(std::log10(high_))); ++power) {
    if (power % stride != 0) continue;
    for (const double factor : factors) {
      const double tick = factor * std::pow(10, power);
      if (tick >= low_ && tick <= high_) ticks.push_back(tick);
    }
  }
  return ticks;
}

std::string short_number(double value) {
  if (!std::isfinite(value)) return "-";
  const double size = std::abs(value);
  if (size >= 1e15) return fmt::format("{:.3g}", value);
  if (size >= 1e9) return fmt::format("{:.4g}G", value / 1e9);
  if (size >= 1e6) return fmt::format("{:.4g}M", value / 1e6);
  if (size < 1e3) return fmt::format("{:.4g}", value);
  const std::string digits = with_thousands(static_cast<int64_t>(std::round(size)));
  return value < 0 ? "-" + digits : digits;
}

}  // namespace gm
