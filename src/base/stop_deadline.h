/// Ends a program that was asked to stop but does not reach a point where it checks for signals.
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace gm {

/// Programs check for stop signals (signals.h) between pieces of work. A program that waits at the
/// start for a missing rank, for a file that does not open, or for one long computation does not
/// reach such a check. As long as there is nothing to save, a thread of this object then calls
/// `leave` with the reason, `patience_seconds` after the signal. The delay gives code that does
/// check for signals the time to stop normally.
class StopDeadline {
 public:
  /// `leave` ends the process.
  explicit StopDeadline(std::function<void(const std::string& reason)> leave,
                        double patience_seconds = 3);

 private:
  std::jthread thread_;
};

}  // namespace gm
