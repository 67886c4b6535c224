/// A clock that stands still while this process is stopped.
#pragma once

#include <algorithm>
#include <chrono>

namespace gm {

/// The time for which this process has run. It must be read several times a second. Time limits do
/// not count the time in which a job is suspended, a container is paused, or a process is stopped
/// by SIGSTOP: the process could not do anything then.
class RunningTime {
 public:
  using Clock = std::chrono::steady_clock;

  /// A longer time between two readings means that the process was stopped. It counts as this much.
  static constexpr std::chrono::milliseconds kLongestGap{400};

  explicit RunningTime(Clock::time_point now = Clock::now()) : last_look_(now) {}

  /// Reads the clock: seconds since construction.
  double seconds(Clock::time_point now = Clock::now()) {
    const Clock::duration gap = now - last_look_;
    last_look_ = now;
    total_ += std::min<Clock::duration>(gap, kLongestGap);
    if (gap > kLongestGap) continued_ = total_;
    return std::chrono::duration<double>(total_).count();
  }

  /// The same since the process last continued after a stop, or since construction.
  double seconds_since_continued(Clock::time_point now = Clock::now()) {
    seconds(now);
    return std::chrono::duration<double>(total_ - continued_).count();
  }

 private:
  Clock::time_point last_look_;
  Clock::duration total_{0};
  Clock::duration continued_{0};
};

}  // namespace gm
