/// How threads that have nothing to do for a while wait.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "base/running_time.h"

namespace gm {

/// Waits for `duration`. Returns true at once when `stop` is asked for meanwhile.
inline bool wait_for_stop(std::chrono::duration<double> duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any never;
  return never.wait_for(lock, stop, duration, [&] { return stop.stop_requested(); });
}

/// The same of a duration in which this process runs.
inline bool wait_for_stop_in_running_time(std::chrono::duration<double> duration,
                                          const std::stop_token& stop) {
  constexpr auto kLookInterval = std::chrono::milliseconds(100);
  RunningTime time;
  while (time.seconds() < duration.count()) {
    if (wait_for_stop(kLookInterval, stop)) return true;
  }
  return false;
}

}  // namespace gm
