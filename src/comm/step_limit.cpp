#include "comm/step_limit.h"

#include <algorithm>

#include "base/median.h"

namespace gm {
namespace {

constexpr double kMedians = 10;
constexpr double kAfterPause = 3;
constexpr size_t kFirstSteps = 5;
constexpr size_t kRecentSteps = 50;

}  // namespace

double StepLimit::seconds(int64_t step) const {
  if (!follows_speed_ || steps_ < kFirstSteps) return configured_;
  double limit = std::max(memory_.shortest_seconds, kMedians * median(recent_));
  if (paused_) limit *= kAfterPause;
  if (step == memory_.late_step) limit = std::max(limit, 2 * memory_.late_seconds);
  return std::min(limit, configured_);
}

bool StepLimit::record(int64_t step, double seconds) {
  if (!follows_speed_) return false;
  if (recent_.size() < kRecentSteps) recent_.push_back(0);
  recent_[steps_++ % kRecentSteps] = seconds;
  paused_ = false;
  if (step != memory_.late_step || seconds <= memory_.late_seconds) return false;
  memory_ = {.shortest_seconds = std::max(memory_.shortest_seconds, 2 * memory_.late_seconds)};
  return true;
}

StepLimit::Memory StepLimit::after_late(int64_t step) const {
  return {.shortest_seconds = memory_.shortest_seconds,
          .late_step = step,
          .late_seconds = seconds(step)};
}

std::function<void()> StepLimit::if_late(int64_t step) const {
  if (!keep_) return {};
  return [keep = keep_, memory = after_late(step)] { keep(memory); };
}

}  // namespace gm
