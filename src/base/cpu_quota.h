/// How much of a machine's processor time a container may use.
#pragma once

#include <filesystem>
#include <optional>

namespace gm {

/// The cores that the control group of this process may keep busy, rounded down but at least one;
/// nothing where it sets no limit. `group` is the folder of the group's files, of either version
/// (cpu.max, or cpu/cpu.cfs_quota_us).
std::optional<int> cpu_quota(const std::filesystem::path& group = "/sys/fs/cgroup");

}  // namespace gm
