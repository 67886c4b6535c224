// A stopwatch that does not count the time while the process is suspended.
#include "base/running_time.h"

#include <gtest/gtest.h>

namespace gm {
namespace {

using namespace std::chrono_literals;

class RunningTimeTest : public ::testing::Test {
 protected:
  RunningTime::Clock::time_point now_{};
  RunningTime time_{now_};
};

TEST_F(RunningTimeTest, CountsTheTimeBetweenCalls) {
  EXPECT_EQ(time_.seconds(now_), 0);
  for (int i = 0; i < 50; ++i) time_.seconds(now_ += 200ms);
  EXPECT_NEAR(time_.seconds(now_), 10, 1e-9);
  EXPECT_NEAR(time_.seconds_since_continued(now_), 10, 1e-9);
}

TEST_F(RunningTimeTest, ALongGapCountsOnlyBriefly) {
  time_.seconds(now_ += 300ms);
  EXPECT_NEAR(time_.seconds(now_ += 8h), 0.7, 1e-9);
  EXPECT_NEAR(time_.seconds(now_ += 100ms), 0.8, 1e-9);
}

TEST_F(RunningTimeTest, SecondsInARowRestartAfterALongGap) {
  time_.seconds(now_ += 300ms);
  EXPECT_NEAR(time_.seconds_since_continued(now_ += 1h), 0, 1e-9);
  EXPECT_NEAR(time_.seconds_since_continued(now_ += 200ms), 0.2, 1e-9);
  EXPECT_NEAR(time_.seconds(now_), 0.9, 1e-9);
}

}  // namespace
}  // namespace gm
