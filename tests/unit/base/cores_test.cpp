// What a container may use of a machine, as both versions of control groups say it.
#include "base/cores.h"

#include <gtest/gtest.h>

#include "support/images.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

TEST(CpuQuota, ReadsTheSecondVersion) {
  const TemporaryFolder folder;
  write_bytes(folder / "cpu.max", "250000 100000\n");
  EXPECT_EQ(cpu_quota(folder.path()), 2);
  write_bytes(folder / "cpu.max", "50000 100000\n");
  EXPECT_EQ(cpu_quota(folder.path()), 1) << "half a core is one that waits";
  write_bytes(folder / "cpu.max", "max 100000\n");
  EXPECT_EQ(cpu_quota(folder.path()), std::nullopt);
}

TEST(CpuQuota, ReadsTheFirstVersion) {
  const TemporaryFolder folder;
  write_bytes(folder / "cpu/cpu.cfs_quota_us", "400000\n");
  write_bytes(folder / "cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cpu_quota(folder.path()), 4);
  write_bytes(folder / "cpu/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(cpu_quota(folder.path()), std::nullopt);
}

TEST(CpuQuota, KnowsNoneWhereThereIsNoGroup) { EXPECT_EQ(cpu_quota("/nowhere"), std::nullopt); }

TEST(Cores, AreThoseOfTheAffinity) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  EXPECT_EQ(usable_cores(one), 1);
  EXPECT_LE(usable_cores(), machine_cores());
}

}  // namespace
}  // namespace gm
