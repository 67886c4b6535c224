// The CPU quota of a container in cgroup versions 1 and 2, and the usable cores.
#include "base/cores.h"

#include <gtest/gtest.h>

#include "support/images.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

TEST(CpuQuota, ReadsCgroupVersion2) {
  const TemporaryFolder folder;
  write_bytes(folder / "cpu.max", "250000 100000\n");
  EXPECT_EQ(cpu_quota(folder.path()), 2);
  write_bytes(folder / "cpu.max", "50000 100000\n");
  EXPECT_EQ(cpu_quota(folder.path()), 1) << "half a core is rounded up to one";
  write_bytes(folder / "cpu.max", "max 100000\n");
  EXPECT_EQ(cpu_quota(folder.path()), std::nullopt);
}

TEST(CpuQuota, ReadsCgroupVersion1) {
  const TemporaryFolder folder;
  write_bytes(folder / "cpu/cpu.cfs_quota_us", "400000\n");
  write_bytes(folder / "cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cpu_quota(folder.path()), 4);
  write_bytes(folder / "cpu/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(cpu_quota(folder.path()), std::nullopt);
}

TEST(CpuQuota, IsEmptyWithoutACgroup) { EXPECT_EQ(cpu_quota("/nowhere"), std::nullopt); }

TEST(Cores, FollowTheAffinityMask) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  EXPECT_EQ(usable_cores(one), 1);
  EXPECT_LE(usable_cores(), machine_cores());
}

}  // namespace
}  // namespace gm
