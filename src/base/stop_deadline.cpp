#include "base/stop_deadline.h"

#include <chrono>
#include <utility>

#include "base/interruptible_wait.h"
#include "base/signals.h"

namespace gm {
namespace {

constexpr auto kSignalInterval = std::chrono::milliseconds(100);

/// Returns true at the first signal; false when the program ends without one.
bool signal_comes(const std::stop_token& stop) {
  while (!stop_signal()) {
    if (wait_for_stop(kSignalInterval, stop)) return false;
  }
  return true;
}

}  // namespace

StopDeadline::StopDeadline(std::function<void(const std::string&)> leave, double patience_seconds)
    : thread_([leave = std::move(leave), patience_seconds](const std::stop_token& stop) {
        const std::chrono::duration<double> patience(patience_seconds);
        if (!signal_comes(stop) || wait_for_stop_in_running_time(patience, stop)) return;
        if (has_nothing_to_save()) leave(stop_reason(*stop_signal()));
      }) {}

}  // namespace gm
