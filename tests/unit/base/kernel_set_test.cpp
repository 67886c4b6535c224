#include "base/kernel_set.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include "base/error.h"

namespace gm {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr auto kSets = {KernelSet::aten, KernelSet::portable, KernelSet::avx2, KernelSet::avx512};

TEST(KernelSet, IsTheBestUnlessAnotherIsRequested) {
  EXPECT_EQ(choose_kernel_set(""), best_kernel_set());
  EXPECT_EQ(choose_kernel_set("portable"), KernelSet::portable);
}

/// The CPU flags that Linux reports.
std::set<std::string> cpu_flags() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with("flags")) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    return {std::istream_iterator<std::string>(words), {}};
  }
  return {};
}

#if defined(__x86_64__)
TEST(KernelSet, IsAvailableWhereLinuxListsItsInstructions) {
  const std::set<std::string> flags = cpu_flags();
  const auto has = [&](std::initializer_list<const char*> wanted) {
    return std::ranges::all_of(wanted, [&](const char* flag) { return flags.contains(flag); });
  };
  EXPECT_TRUE(is_available(KernelSet::aten));
  EXPECT_TRUE(is_available(KernelSet::portable));
  EXPECT_EQ(is_available(KernelSet::avx2), has({"avx2", "fma"}));
  EXPECT_EQ(is_available(KernelSet::avx512),
            has({"avx2", "fma", "avx512f", "avx512vl", "avx512bw", "avx512dq"}));
}
#endif

TEST(KernelSet, TheBestSetIsTheMostDemandingAvailableOne) {
  for (const KernelSet set : kSets) {
    EXPECT_TRUE(set <= best_kernel_set() || !is_available(set));
  }
  EXPECT_TRUE(is_available(best_kernel_set()));
}

TEST(KernelSet, IsChosenByNameIfAvailable) {
  for (const KernelSet set : kSets) {
    if (is_available(set)) {
      EXPECT_EQ(choose_kernel_set(name_of(set)), set);
    } else {
      EXPECT_THROW(choose_kernel_set(name_of(set)), InputError);
    }
  }
}

TEST(KernelSet, RefusesAnUnknownNameAndListsTheKnownOnes) {
  EXPECT_THAT(
      [] { choose_kernel_set("sse9"); },
      ThrowsMessage<InputError>(AllOf(HasSubstr("GM_KERNELS=\"sse9\""), HasSubstr("portable"))));
}

/// ctest runs the tests again with each set in GM_KERNELS.
TEST(KernelSet, FollowsTheEnvironmentVariable) {
  const char* wanted = std::getenv("GM_KERNELS");
  EXPECT_EQ(kernel_set(), choose_kernel_set(wanted ? wanted : ""));
}

}  // namespace
}  // namespace gm
