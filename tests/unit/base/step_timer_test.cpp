// The times of the parts of a step.
#include "base/step_timer.h"

#include <gtest/gtest.h>

namespace gm {
namespace {

TEST(StepTimer, AddsUpTheLapsOfAPart) {
  StepTimer clock;
  for (const char* part : {"data", "work", "wait", "work"}) clock.lap(part);
  const StepTimer::Parts& parts = clock.parts();
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(parts[1].first, "work");
  EXPECT_GT(parts[1].second, 0);
  EXPECT_DOUBLE_EQ(clock.seconds_without("wait"), parts[0].second + parts[1].second);
  EXPECT_DOUBLE_EQ(clock.total_seconds(), clock.seconds_without("wait") + parts[2].second);
}

}  // namespace
}  // namespace gm
