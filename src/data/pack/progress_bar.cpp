#include "data/pack/progress_bar.h"

#include <unistd.h>

#include "base/log.h"

namespace gm {

Progress::Progress(std::string title, int64_t total)
    : title_(std::move(title)), total_(total), is_terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (shown_ != start_) set_status_line("");
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
  set_status_line(fmt::format("{}: {} of {} ({}%), {:.0f}/s, {}:{:02} left", title_, done_, total_,
                              100 * done_ / total_, rate, left / 60, left % 60));
}

}  // namespace gm
