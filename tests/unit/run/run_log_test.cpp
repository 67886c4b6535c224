// What a run reports: a warning of over-fitting, also across a resume.
#include "run/run_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "eval/loss_evaluation.h"
#include "run/overfitting_monitor.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// The steps (1, 2, ...) at which a monitor has something to say about these losses.
std::vector<int64_t> warned_steps(std::initializer_list<double> losses) {
  OverfittingMonitor monitor;
  std::vector<int64_t> steps;
  int64_t step = 0;
  for (const double loss : losses) {
    ++step;
    if (!monitor.observe(step, loss).empty()) steps.push_back(step);
  }
  return steps;
}

TEST(OverfittingMonitor, WarnsOnceAfterThreeRisesInARow) {
  EXPECT_THAT(warned_steps({5, 4, 3, 3.1, 3.2, 3.3, 3.4, 3.5}), ElementsAre(6));
  EXPECT_THAT(warned_steps({1, 2, 3, 4}), ElementsAre(4));
  EXPECT_THAT(warned_steps({1, 2, 3, 2.9, 3, 3.1, 3.2}), ElementsAre(7)) << "a new rise";
  EXPECT_THAT(warned_steps({1, 2, 3, 3, 4, 5}), ElementsAre()) << "equal is no rise";
  EXPECT_THAT(warned_steps({1, 2, NAN, 3, 4, 5}), ElementsAre()) << "two rises after a NaN";
  EXPECT_THAT(warned_steps({9, 8, 7, 6, 5}), ElementsAre());
}

TEST(RunLog, WarnsOfOverfittingWithTheBestStepAlsoAfterAResume) {
  const TemporaryFolder folder;
  const RunDirectory directory(folder.path());
  directory.begin("");
  Metrics metrics;
  const auto evaluate = [&](RunLog& log, int64_t step, double loss) {
    ::testing::internal::CaptureStderr();
    log.evaluation({.step = step},
                   {.name = "loss", .samples = 8, .figures = {{kHeldOutLoss, loss}}}, 1);
    return ::testing::internal::GetCapturedStderr();
  };
  {
    RunLog log(directory, metrics, {.total_steps = 90});
    evaluate(log, 10, 0.5);
    evaluate(log, 20, 0.25);
    evaluate(log, 30, 0.375);
    evaluate(log, 40, 0.4375);
    evaluate(log, 50, 0.125);  // lost: the run resumes from step 40
  }
  RunLog log(directory, metrics, {.first_step = 40, .total_steps = 90});
  const std::string said = evaluate(log, 50, 0.5);
  EXPECT_THAT(said, AllOf(HasSubstr("step 50"), HasSubstr("best at step 20 (0.25, now 0.5)")));
  EXPECT_THAT(evaluate(log, 60, 0.625), Not(HasSubstr("over-fitting")));
  EXPECT_THAT(read_file(directory.metrics(), 1 << 20), HasSubstr("\"kind\":\"event\",\"step\":50"));
}

}  // namespace
}  // namespace gm
