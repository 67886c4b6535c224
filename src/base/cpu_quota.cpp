#include "base/cpu_quota.h"

#include <algorithm>
#include <fstream>

namespace gm {
namespace {

/// Whole cores of two numbers of microseconds, which may be "max" or negative for no limit.
std::optional<int> cores_of(std::istream& quota, std::istream& period) {
  double used = 0, available = 0;
  if (!(quota >> used) || !(period >> available) || used <= 0 || available <= 0) {
    return std::nullopt;
  }
  return std::max(1, static_cast<int>(used / available));
}

}  // namespace

std::optional<int> cpu_quota(const std::filesystem::path& group) {
  if (std::ifstream both(group / "cpu.max"); both) return cores_of(both, both);
  std::ifstream quota(group / "cpu/cpu.cfs_quota_us"), period(group / "cpu/cpu.cfs_period_us");
  return cores_of(quota, period);
}

}  // namespace gm
