#include "data/pack/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace gm {

Progress::Progress(std::string title, int64_t total)
    : title_(std::move(title)), total_(total), is_terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (is_terminal_ && shown_ != start_) fmt::print(stderr, "\r\x1b[K");
}

double Progress::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

void Progress::advance() {
  ++done_;
  if (!is_terminal_) return;
  const auto now = Clock::now();
  if (now - shown_ < std::chrono::milliseconds(100)) return;
  shown_ = now;
  show();
}

void Progress::show() const {
  const double rate = static_cast<double>(done_) / seconds();
  const auto left = static_cast<int64_t>(static_cast<double>(total_ - done_) / rate + 0.5);
  fmt::print(stderr, "\r{}: {} of {} ({}%), {:.0f}/s, {}:{:02} left\x1b[K", title_, done_, total_,
             100 * done_ / total_, rate, left / 60, left % 60);
  std::fflush(stderr);
}

}  // namespace gm
