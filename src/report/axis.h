/// The axes of the report's plots.
#pragma once

#include <string>
#include <vector>

namespace gm {

enum class AxisScale {
  kLinear,
  kFromZero,   ///< Linear, and begins at zero.
  kLogIfWide,  ///< Logarithmic if the values are positive and differ by a factor of ten or more.
};

class Axis {
 public:
  /// An axis on which the finite values of `values` lie, with a margin; from 0 to 1 if there are
  /// none.
  Axis(AxisScale scale, const std::vector<double>& values);
  /// A linear axis that ends at the smallest and the largest value.
  static Axis exact(const std::vector<double>& values);

  /// Where `value` is: 0 at the low end, 1 at the high end.
  double position(double value) const;
  /// Round values between the ends, in rising order; at least two.
  std::vector<double> ticks() const;

  bool is_log() const { return is_log_; }
  double low() const { return low_; }
  double high() const { return high_; }

 private:
  Axis() = default;
  void make_linear(AxisScale scale);
  void make_log();
  std::vector<double> log_ticks() const;

  bool is_log_ = false;
  double low_ = 0, high_ = 1;
};

/// A value with at most four digits: "0.0125", "1,500", "2M", "1e-05", "-" if it is not finite.
std::string short_number(double value);

}  // namespace gm
