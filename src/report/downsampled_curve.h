/// A curve of any number of points in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace gm {

struct Point {
  double x = 0, y = 0;
};

/// Keeps the extremes of a curve, so that a spike of one step stays visible among a million, and
/// its means, of which a smoothed curve is made. A value that is not finite is a gap.
class DownsampledCurve {
 public:
  /// Points arrive in the order of x.
  void add(double x, double y);

  /// Finite values.
  int64_t count() const;
  /// The last finite value; NaN if there is none.
  double last() const { return last_; }

  /// All points of a short curve; of a longer one the lowest and the highest point of each of at
  /// most 512 parts. A y of NaN is a gap.
  std::vector<Point> extremes() const;
  /// The mean of each part.
  std::vector<Point> means() const;
  /// The means of a window of a twentieth of the curve around each part, of half as much at the
  /// ends. Empty for a curve that is too short to be smoothed.
  std::vector<Point> smoothed() const;

 private:
  static constexpr double kGap = std::numeric_limits<double>::quiet_NaN();

  /// Consecutive points.
  struct Part {
    Point low = {}, high = {};
    double sum_x = 0, sum_y = 0;
    int64_t points = 0, finite = 0;

    void add(double x, double y);
    void add(const Part& next);
    Point mean() const;
  };

  void halve();

  std::vector<Part> parts_;
  int64_t part_points_ = 1;  // the number of points of each part but the last
  double last_ = kGap;
};

}  // namespace gm
