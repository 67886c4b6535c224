// The progress lines of a run, and the format of durations.
#include "telemetry/step_progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace gm {
namespace {

StepReport step(int64_t number, double loss = 0.25) {
  return {.step = number, .step_samples = 64, .loss = loss, .step_seconds = 0.5};
}

class ProgressTest : public ::testing::Test {
 protected:
  void SetUp() override { ::testing::internal::CaptureStderr(); }
  static std::vector<std::string> lines() {
    std::vector<std::string> lines;
    std::istringstream text(::testing::internal::GetCapturedStderr());
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
  }
};

TEST_F(ProgressTest, WithoutATerminalTheFirstAndLastStepsArePrinted) {
  {
    ProgressLine progress(/*total_steps=*/5, /*log_every_seconds=*/3600);
    for (int64_t number = 1; number <= 5; ++number) progress.update(step(number));
  }
  const auto shown = lines();
  ASSERT_EQ(shown.size(), 2U);
  EXPECT_EQ(shown[0], "step 1/5  loss 0.2500  128.0 images/s  2 s left");
  EXPECT_THAT(shown[1], ::testing::StartsWith("step 5/5  loss 0.2500"));
  EXPECT_THAT(shown[1], ::testing::EndsWith("0 s left"));
}

TEST_F(ProgressTest, EveryStepIsPrintedIfConfigured) {
  ProgressLine progress(5, /*log_every_seconds=*/0);
  for (int64_t number = 1; number <= 5; ++number) progress.update(step(number));
  EXPECT_EQ(lines().size(), 5U);
}

TEST_F(ProgressTest, ANonFiniteLossDoesNotChangeTheAverage) {
  ProgressLine progress(3, 0);
  progress.update(step(1));
  progress.update(step(2, std::nan("")));
  progress.update(step(3));
  EXPECT_THAT(lines().at(2), ::testing::HasSubstr("loss 0.2500"));
}

TEST(FormatDuration, UsesReadableUnits) {
  EXPECT_EQ(format_duration(0), "0 s");
  EXPECT_EQ(format_duration(42.4), "42 s");
  EXPECT_EQ(format_duration(59.9), "1 min 00 s");
  EXPECT_EQ(format_duration(200), "3 min 20 s");
  EXPECT_EQ(format_duration(7500), "2 h 05 min");
  EXPECT_EQ(format_duration(273'600), "3 d 04 h");
  EXPECT_EQ(format_duration(std::nan("")), "unknown time");
  EXPECT_EQ(format_duration(1e300), "unknown time");
}

}  // namespace
}  // namespace gm
