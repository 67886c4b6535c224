/// How a person sees that a run goes on: loss, speed and the time left.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "telemetry/step_report.h"

namespace gm {

/// On a terminal one line that is redrawn in place; in log.txt, and where stderr is no terminal, a
/// plain line every few seconds.
class ProgressLine {
 public:
  /// `total_steps` is where the run will end, `first_step` where this process began (resumed runs).
  ProgressLine(int64_t total_steps, int64_t first_step, double log_every_seconds);
  /// Removes the line from the terminal.
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void update(const StepReport& report);

 private:
  using Clock = std::chrono::steady_clock;

  std::string line_for(const StepReport& report, Clock::time_point now);

  int64_t total_steps_;
  int64_t first_step_;
  double log_every_seconds_;
  double smoothed_loss_ = 0;
  double smoothed_step_seconds_ = 0;
  Clock::time_point last_draw_;
  Clock::time_point last_log_;
};

/// "42 s", "3 min 20 s", "2 h 05 min", "3 d 4 h".
std::string format_duration(double seconds);

}  // namespace gm
