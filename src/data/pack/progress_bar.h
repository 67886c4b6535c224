/// One line on the terminal that says how far a long job is, how fast, and how long it will take.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace gm {

/// Shows itself only when stderr is a terminal, at most ten times a second, and wipes its line at
/// the end.
class Progress {
 public:
  Progress(std::string title, int64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance();
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;
  void show() const;

  std::string title_;
  int64_t total_, done_ = 0;
  bool is_terminal_;
  Clock::time_point start_ = Clock::now(), shown_ = start_;
};

}  // namespace gm
