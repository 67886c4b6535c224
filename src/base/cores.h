/// How many cores a process may use: its affinity, and the quota of its container.
#pragma once

#include <sched.h>

#include <filesystem>
#include <optional>

namespace gm {

/// The cores that this process may run on; core 0 if the system does not say.
cpu_set_t allowed_cores();

/// The CPU quota of this process's control group in whole cores: rounded down, at least one.
/// nullopt if the group has no limit. `group` is the folder with the group's files: cpu.max in
/// version 2, cpu/cpu.cfs_quota_us in version 1.
std::optional<int> cpu_quota(const std::filesystem::path& group = "/sys/fs/cgroup");

/// The number of `cores`, limited by cpu_quota(). At least one.
int usable_cores(const cpu_set_t& cores = allowed_cores());

/// The cores of the machine, whether or not this process may use them.
int machine_cores();

}  // namespace gm
