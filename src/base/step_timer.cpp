#include "base/step_timer.h"

#include <algorithm>

namespace gm {

void StepTimer::lap(const std::string& part) {
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - last_).count();
  last_ = now;
  const auto same_name = [&](const auto& entry) { return entry.first == part; };
  const auto found = std::find_if(parts_.begin(), parts_.end(), same_name);
  if (found == parts_.end()) {
    parts_.emplace_back(part, seconds);
  } else {
    found->second += seconds;
  }
}

double StepTimer::total_seconds() const { return seconds_without(""); }

double StepTimer::seconds_without(const std::string& part) const {
  double total = 0;
  for (const auto& [name, seconds] : parts_) total += name == part ? 0 : seconds;
  return total;
}

}  // namespace gm
