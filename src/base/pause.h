/// How threads that have nothing to do for a while wait.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace gm {

/// Waits for `duration`. Returns true at once when `stop` is asked for meanwhile.
inline bool stop_comes_within(std::chrono::duration<double> duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any never;
  return never.wait_for(lock, stop, duration, [&] { return stop.stop_requested(); });
}

}  // namespace gm
