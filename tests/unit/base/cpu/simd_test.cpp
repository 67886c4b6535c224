#include "base/cpu/simd.h"

#include <gtest/gtest.h>

#include <limits>

#include "support/kernel_test.h"

namespace gm::GM_KERNEL_SET {
namespace {

GM_KERNEL float sum_of(const float* lanes) { return sum(load(lanes)); }
GM_KERNEL float max_of(const float* lanes) { return max(load(lanes)); }

GM_KERNEL_TEST(Lanes, SumAndMaximumCoverAllLanes) {
  for (int64_t highest = 0; highest < kLanes; ++highest) {
    float lanes[kLanes];
    for (int64_t i = 0; i < kLanes; ++i) lanes[i] = -static_cast<float>(1 << i);
    lanes[highest] = 0.5F;
    EXPECT_EQ(max_of(lanes), 0.5F);
    EXPECT_EQ(sum_of(lanes), 0.5F - static_cast<float>((1 << kLanes) - 1 - (1 << highest)));
  }
}

GM_KERNEL_TEST(Lanes, SumPropagatesNaN) {
  for (int64_t i = 0; i < kLanes; ++i) {
    float lanes[kLanes] = {};
    lanes[i] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_NE(sum_of(lanes), sum_of(lanes));
  }
}

}  // namespace
}  // namespace gm::GM_KERNEL_SET
