/// Waiting that ends early when a stop is requested.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "base/running_time.h"

namespace gm {

/// Waits for `duration`. Returns true immediately if a stop is requested meanwhile.
inline bool wait_for_stop(std::chrono::duration<double> duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any never;
  return never.wait_for(lock, stop, duration, [&] { return stop.stop_requested(); });
}

/// The same, but only the time in which this process runs counts (RunningTime).
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
