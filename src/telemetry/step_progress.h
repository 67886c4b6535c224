/// Shows the progress of a run: loss, speed and the time left.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "telemetry/step_report.h"

namespace gm {

/// On a terminal one line that is redrawn in place. In log.txt, and if stderr is not a terminal, a
/// plain line every few seconds.
class ProgressLine {
 public:
  /// `total_steps`: the last step of the run.
  ProgressLine(int64_t total_steps, double log_every_seconds);
  /// Removes the line from the terminal.
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void update(const StepReport& report);

 private:
  using Clock = std::chrono::steady_clock;

  void smooth(const StepReport& report);
  std::string line_for(const StepReport& report) const;

  int64_t total_steps_;
  std::chrono::duration<double> log_every_;
  int64_t updates_ = 0;
  double loss_ = 0;          // smoothed over the last steps, like step_seconds_
  double step_seconds_ = 0;  // wall clock from step to step, samples and checkpoints included
  Clock::time_point last_update_ = Clock::now();
  Clock::time_point last_draw_{};
  Clock::time_point last_log_ = Clock::now();
};

/// "42 s", "3 min 20 s", "2 h 05 min", "3 d 04 h".
std::string format_duration(double seconds);

}  // namespace gm
