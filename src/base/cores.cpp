#include "base/cores.h"

#include <algorithm>
#include <fstream>
#include <thread>

namespace gm {
namespace {

/// The whole cores that a quota in microseconds allows in each period. nullopt if there is no
/// limit: "max" or a negative number.
std::optional<int> cores_of(std::istream& quota, std::istream& period) {
  double used = 0, available = 0;
  if (!(quota >> used) || !(period >> available) || used <= 0 || available <= 0) {
    return std::nullopt;
  }
  return std::max(1, static_cast<int>(used / available));
}

}  // namespace

cpu_set_t allowed_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof(cores), &cores) != 0) CPU_SET(0, &cores);
  return cores;
}

std::optional<int> cpu_quota(const std::filesystem::path& group) {
  if (std::ifstream both(group / "cpu.max"); both) return cores_of(both, both);
  std::ifstream quota(group / "cpu/cpu.cfs_quota_us"), period(group / "cpu/cpu.cfs_period_us");
  return cores_of(quota, period);
}

int usable_cores(const cpu_set_t& cores) {
  const int count = std::max(1, CPU_COUNT(&cores));
  return std::min(count, cpu_quota().value_or(count));
}

int machine_cores() { return static_cast<int>(std::max(1U, std::thread::hardware_concurrency())); }

}  // namespace gm
