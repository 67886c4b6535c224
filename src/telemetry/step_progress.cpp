#include "telemetry/step_progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/log.h"

namespace gm {
namespace {

constexpr std::chrono::milliseconds kDrawEvery{200};
constexpr int64_t kSmoothedSteps = 50;

}  // namespace

ProgressLine::ProgressLine(int64_t total_steps, double log_every_seconds)
    : total_steps_(total_steps), log_every_(log_every_seconds) {}

ProgressLine::~ProgressLine() { set_status_line(""); }

void ProgressLine::update(const StepReport& report) {
  smooth(report);
  const auto now = last_update_;
  const bool last = report.step >= total_steps_;
  if (last || now - last_draw_ >= kDrawEvery) {
    set_status_line(line_for(report));
    last_draw_ = now;
  }
  if (last || updates_ == 1 || now - last_log_ >= log_every_) {
    log_progress("{}", line_for(report));
    last_log_ = now;
  }
}

void ProgressLine::smooth(const StepReport& report) {
  const auto now = Clock::now();
  const std::chrono::duration<double> since_last = now - last_update_;
  last_update_ = now;
  // The first step includes warm-up and began before this object: its own time is more accurate.
  const double seconds = updates_ == 0 ? report.step_seconds : since_last.count();
  const double weight = 1.0 / static_cast<double>(std::min(++updates_, kSmoothedSteps));
  step_seconds_ += weight * (seconds - step_seconds_);
  if (std::isfinite(report.loss)) loss_ += weight * (report.loss - loss_);
}

std::string ProgressLine::line_for(const StepReport& report) const {
  const double rate =
      step_seconds_ > 0 ? static_cast<double>(report.step_samples) / step_seconds_ : 0;
  const double left = static_cast<double>(std::max<int64_t>(0, total_steps_ - report.step));
  return fmt::format("step {}/{}  loss {:.4f}  {:.1f} images/s  {} left", report.step, total_steps_,
                     loss_, rate, format_duration(left * step_seconds_));
}

std::string format_duration(double seconds) {
  constexpr double kLongestSeconds = 1e12;
  if (!(seconds >= 0) || seconds > kLongestSeconds) return "unknown time";
  const auto total = static_cast<int64_t>(std::lround(seconds));
  const int64_t minutes = total / 60, hours = minutes / 60, days = hours / 24;
  if (minutes == 0) return fmt::format("{} s", total);
  if (hours == 0) return fmt::format("{} min {:02d} s", minutes, total % 60);
  if (days == 0) return fmt::format("{} h {:02d} min", hours, minutes % 60);
  return fmt::format("{} d {:02d} h", days, hours % 24);
}

}  // namespace gm
