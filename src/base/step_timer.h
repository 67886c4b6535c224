/// Measures the time of each part of a step.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace gm {

/// A stopwatch with named parts: lap("data") adds the time since the last lap, or the start, to
/// "data".
class StepTimer {
 public:
  using Parts =
      std::vector<std::pair<std::string, double>>;  ///< Seconds by part, in order of first use.

  void lap(const std::string& part);

  const Parts& parts() const { return parts_; }
  /// From the start to the last lap.
  double total_seconds() const;
  /// The same without one part.
  double seconds_without(const std::string& part) const;

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  Parts parts_;
};

}  // namespace gm
