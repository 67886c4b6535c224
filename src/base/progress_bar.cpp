#include "base/progress_bar.h"

#include <unistd.h>

#include <algorithm>

#include "base/log.h"

namespace gm {
namespace {

constexpr std::chrono::milliseconds kTerminalInterval{100}, kLogInterval{60'000};

}  // namespace

ProgressBar::ProgressBar(std::string title, int64_t total)
    : title_(std::move(title)), total_(total), is_terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() { set_status_line(""); }

double ProgressBar::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

void ProgressBar::advance(int64_t count) {
  done_ = std::min(total_, done_ + count);
  const auto now = Clock::now();
  if (now - shown_ < (is_terminal_ ? kTerminalInterval : kLogInterval)) return;
  shown_ = now;
  if (is_terminal_) {
    set_status_line(text());
  } else {
    log_info("{}", text());
  }
}

void ProgressBar::skip(int64_t count) {
  done_ = std::min(total_, done_ + count);
  skipped_ += count;
}

std::string ProgressBar::text() const {
  const double rate = static_cast<double>(done_ - skipped_) / seconds();
  const auto left = static_cast<int64_t>(static_cast<double>(total_ - done_) / rate + 0.5);
  return fmt::format("{}: {} of {} ({}%), {:.{}f}/s, {}:{:02} left", title_, done_, total_,
                     100 * done_ / total_, rate, rate < 10 ? 1 : 0, left / 60, left % 60);
}

}  // namespace gm
