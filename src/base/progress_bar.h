/// A status line for a job of known length: progress, speed and remaining time.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace gm {

/// On a terminal: the status line, updated at most ten times per second and cleared at the end.
/// Otherwise: a message every minute.
class ProgressBar {
 public:
  ProgressBar(std::string title, int64_t total);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void advance(int64_t count = 1);
  /// The same for work that was done before: it does not count for the speed.
  void skip(int64_t count = 1);
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;
  std::string text() const;

  std::string title_;
  int64_t total_, done_ = 0, skipped_ = 0;
  bool is_terminal_;
  Clock::time_point start_ = Clock::now(), shown_ = start_;
};

}  // namespace gm
