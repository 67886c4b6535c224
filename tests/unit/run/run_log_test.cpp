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

Figures loss_figures_of(double held_out, double training) {
  return {{"loss_train", training}, {kHeldOutLoss, held_out}, {kLossGap, held_out - training}};
}

/// The steps (1, 2, ...) at which a monitor has something to say about these losses on held-out
/// images. Those on training images are `training`, and grow by `growth` each time.
std::vector<int64_t> warned_steps(std::initializer_list<double> losses, double growth = 0) {
  OverfittingMonitor monitor(/*keeps_best=*/false);
  std::vector<int64_t> steps;
  int64_t step = 0;
  for (const double loss : losses) {
    ++step;
    const double training = 0.5 + growth * static_cast<double>(step);
    if (!monitor.observe(step, loss_figures_of(loss, training)).empty()) steps.push_back(step);
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

TEST(OverfittingMonitor, ARiseIsClearAndNotThatOfTheLossOnTrainingImages) {
  EXPECT_THAT(warned_steps({1, 2, 3, 4, 5}, /*growth=*/1.5), ElementsAre()) << "both losses rise";
  EXPECT_THAT(warned_steps({1, 2, 3, 4, 5}, /*growth=*/0.5), ElementsAre(4));
  EXPECT_THAT(warned_steps({3, 3.01, 3.02, 3.03, 3.04, 3.05}), ElementsAre()) << "1 % above";
  EXPECT_THAT(warned_steps({3, 3.01, 3.02, 3.04, 3.05, 3.06}), ElementsAre(6));
}

class RunLogTest : public ::testing::Test {
 protected:
  RunLogTest() { directory_.begin(""); }

  std::string evaluate(RunLog& log, int64_t step, double loss, const char* images = "some") {
    ::testing::internal::CaptureStderr();
    log.evaluation({.step = step},
                   {.name = "loss",
                    .samples = 8,
                    .figures = loss_figures_of(loss, 0.125),
                    .provenance = {{"images", images}}},
                   1);
    return ::testing::internal::GetCapturedStderr();
  }

  const TemporaryFolder folder_;
  const RunDirectory directory_{folder_.path()};
  Metrics metrics_;
};

TEST_F(RunLogTest, SaysHowOftenTheLauncherHasRestarted) {
  RunLog log(directory_, metrics_, {.total_steps = 90});
  log.started({.step = 40, .samples = 320}, 2, "gm", {});
  const std::string line = read_file(directory_.metrics(), 1 << 20);
  EXPECT_THAT(line, HasSubstr(R"({"kind":"event","step":40,"images":320,)"));
  EXPECT_THAT(line, HasSubstr(R"("event":"restarted","restarts":2})"));
}

TEST_F(RunLogTest, WarnsOfOverfittingWithTheBestStepAlsoAfterAResume) {
  {
    RunLog log(directory_, metrics_, {.total_steps = 90});
    evaluate(log, 10, 0.5);
    evaluate(log, 20, 0.25);
    evaluate(log, 30, 0.375);
    evaluate(log, 40, 0.4375);
    evaluate(log, 50, 0.125);  // lost: the run resumes from step 40
  }
  RunLog log(directory_, metrics_, {.first_step = 40, .total_steps = 90});
  EXPECT_THAT(evaluate(log, 50, 0.5),
              AllOf(HasSubstr("step 50"), HasSubstr("best at step 20 (0.25, now 0.5)"),
                    HasSubstr("checkpoint.keep_best")));
  EXPECT_THAT(evaluate(log, 60, 0.625), Not(HasSubstr("over-fitting")));
  EXPECT_THAT(read_file(directory_.metrics(), 1 << 20),
              HasSubstr("\"kind\":\"event\",\"step\":50"));
}

TEST_F(RunLogTest, ANanEndsARiseAlsoAfterAResume) {
  {
    RunLog log(directory_, metrics_, {.total_steps = 90});
    evaluate(log, 10, 0.25);
    evaluate(log, 20, 0.375);
    evaluate(log, 30, NAN);
    evaluate(log, 40, 0.5);
  }
  RunLog log(directory_, metrics_, {.first_step = 40, .total_steps = 90, .keeps_best = true});
  evaluate(log, 50, 0.625);
  EXPECT_THAT(evaluate(log, 60, 0.75), Not(HasSubstr("over-fitting")));
  EXPECT_THAT(evaluate(log, 70, 0.875),
              AllOf(HasSubstr("over-fitting"), Not(HasSubstr("checkpoint.keep_best"))));
}

TEST_F(RunLogTest, LossesOnOtherImagesAreNotCompared) {
  {
    RunLog log(directory_, metrics_, {.total_steps = 90});
    evaluate(log, 10, 0.25);
    evaluate(log, 20, 0.375);
    evaluate(log, 30, 0.5);
  }
  RunLog log(directory_, metrics_, {.first_step = 30, .total_steps = 90});
  EXPECT_THAT(evaluate(log, 40, 0.625, "others"), Not(HasSubstr("over-fitting")));
}

}  // namespace
}  // namespace gm
