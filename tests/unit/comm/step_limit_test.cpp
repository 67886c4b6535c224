#include "comm/step_limit.h"

#include <gmock/gmock.h>

namespace gm {
namespace {

/// A limit after `count` steps of `seconds` seconds.
StepLimit after_steps(int count, double seconds, double configured = 300,
                      const StepLimit::Memory& memory = {}) {
  StepLimit limit(configured, memory, {});
  for (int step = 1; step <= count; ++step) limit.record(step, seconds);
  return limit;
}

TEST(StepLimitTest, IsTheConfiguredOneWithoutALauncherThatRestarts) {
  StepLimit limit(300);
  for (int step = 1; step < 100; ++step) {
    EXPECT_EQ(limit.seconds(step), 300);
    EXPECT_FALSE(limit.record(step, 0.1));
  }
}

TEST(StepLimitTest, IsTheConfiguredOneUntilTheUsualTimeIsKnown) {
  EXPECT_EQ(after_steps(0, 3).seconds(1), 300);
  EXPECT_EQ(after_steps(4, 3).seconds(5), 300);
  EXPECT_EQ(after_steps(5, 3).seconds(6), 30);
}

TEST(StepLimitTest, IsTenMediansAndAtLeastTenSeconds) {
  EXPECT_EQ(after_steps(20, 2.5).seconds(21), 25);
  EXPECT_EQ(after_steps(20, 0.02).seconds(21), 10);
  StepLimit uneven = after_steps(20, 2.5);
  for (int step = 21; step < 30; ++step) uneven.record(step, 80);
  EXPECT_EQ(uneven.seconds(30), 25) << "nine slow steps of 29";
}

TEST(StepLimitTest, FollowsTheSpeedOfTheLastSteps) {
  StepLimit limit = after_steps(1000, 2);
  for (int step = 1001; step <= 1050; ++step) limit.record(step, 4);
  EXPECT_EQ(limit.seconds(1051), 40);
}

TEST(StepLimitTest, IsNeverLongerThanTheConfiguredOneWhichMayBeNone) {
  EXPECT_EQ(after_steps(20, 60).seconds(21), 300);
  EXPECT_EQ(after_steps(20, 1, /*configured=*/4).seconds(21), 4);
  EXPECT_EQ(after_steps(20, 1, /*configured=*/0).seconds(21), 0);
}

TEST(StepLimitTest, IsLongerForOneStepAfterAPause) {
  StepLimit limit = after_steps(20, 2);
  limit.pause();
  EXPECT_EQ(limit.seconds(21), 60);
  limit.record(21, 30);
  EXPECT_EQ(limit.seconds(22), 20);
}

TEST(StepLimitTest, DoublesForTheStepInWhichAWorldWasEnded) {
  const auto memory = after_steps(20, 0.1).after_late(21);
  EXPECT_EQ(memory, (StepLimit::Memory{.late_step = 21, .late_seconds = 10}));

  StepLimit next = after_steps(20, 0.1, 300, memory);
  EXPECT_EQ(next.seconds(21), 20);
  EXPECT_EQ(next.after_late(21).late_seconds, 20) << "so the world after it waits for 40 s";
  EXPECT_FALSE(next.record(21, 0.1)) << "a rank was frozen";
  EXPECT_EQ(next.seconds(22), 10);
}

TEST(StepLimitTest, StaysDoubledAfterAFalseAlarm) {
  StepLimit next = after_steps(20, 0.1, 300, {.late_step = 21, .late_seconds = 10});
  EXPECT_TRUE(next.record(21, 12));
  EXPECT_EQ(next.memory(), (StepLimit::Memory{.shortest_seconds = 20}));
  EXPECT_EQ(next.seconds(22), 20);
  EXPECT_EQ(next.after_late(22).shortest_seconds, 20) << "also in the worlds after it";
}

}  // namespace
}  // namespace gm
