/// Time that does not pass while this process is stopped.
#pragma once

#include <algorithm>
#include <chrono>

namespace gm {

/// The time for which this process has run, seen by somebody who looks at it several times a
/// second. A job that is suspended, a container that is paused and a process that is stopped by
/// SIGSTOP have no limit to keep meanwhile: nobody could have been in time.
class RunningTime {
 public:
  using Clock = std::chrono::steady_clock;

  /// What a longer time between two looks counts for: the process was stopped in it.
  static constexpr std::chrono::milliseconds kLongestGap{400};

  explicit RunningTime(Clock::time_point now = Clock::now()) : last_look_(now) {}

  /// A look: seconds since the beginning.
  double seconds(Clock::time_point now = Clock::now()) {
    const Clock::duration gap = now - last_look_;
    last_look_ = now;
    total_ += std::min<Clock::duration>(gap, kLongestGap);
    if (gap > kLongestGap) continued_ = total_;
    return std::chrono::duration<double>(total_).count();
  }

  /// The same since the process was continued last, or since the beginning.
  double seconds_in_a_row(Clock::time_point now = Clock::now()) {
    seconds(now);
    return std::chrono::duration<double>(total_ - continued_).count();
  }

 private:
  Clock::time_point last_look_;
  Clock::duration total_{0};
  Clock::duration continued_{0};
};

}  // namespace gm
