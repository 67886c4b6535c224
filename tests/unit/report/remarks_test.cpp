// What a report says about a run: each remark on a run with its condition and on one without.
#include "report/remarks.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// A run of `steps` steps. By default nothing about it is remarkable: its loss is noise.
struct TestRun {
  RunRecord record{.name = "test"};

  explicit TestRun(int64_t steps = 1000, std::string (*line_of)(int64_t step) = usual) {
    record.config.train.steps = steps;
    for (int64_t step = 1; step <= steps; ++step) add_line(record, line_of(step));
  }

  static std::string usual(int64_t step) { return with_loss(step, noise(step)); }
  static double noise(int64_t step) { return 1 + 0.5 * std::sin(step * step); }
  static std::string with_loss(int64_t step, double loss) {
    return fmt::format(R"({{"kind":"train","step":{},"images":{},"time":1,"loss":{},)"
                       R"("gradient_norm":1.5,"step_seconds":0.1,"data_seconds":0.001}})",
                       step, 8 * step, loss);
  }
  static std::string with(int64_t step, const std::string& fields) {
    return fmt::format(R"({{"kind":"train","step":{},"images":8,"time":1,"loss":{},{}}})", step,
                       noise(step), fields);
  }

  void event(int64_t step, const std::string& name, const std::string& more = "") {
    add_line(record,
             fmt::format(R"({{"kind":"event","step":{},"event":"{}"{}}})", step, name, more));
  }
  void loss_evaluation(int64_t step, double held_out, const std::string& images = "a") {
    add_line(
        record,
        fmt::format(R"({{"kind":"evaluation","step":{},"evaluation":"loss","images_hash":"{}",)"
                    R"("loss_train":0.5,"loss_held_out":{:.3f},"loss_gap":{:.3f}}})",
                    step, images, held_out, held_out - 0.5));
  }
};

std::string text_of(const std::optional<Remark>& remark) { return remark ? remark->text : ""; }

TEST(Remarks, AnUndisturbedRunHasNone) {
  EXPECT_THAT(remarks_on(TestRun().record), IsEmpty());
  EXPECT_THAT(remarks_on(TestRun(1).record), IsEmpty());
  EXPECT_THAT(remarks_on(TestRun(0).record), IsEmpty());
}

TEST(Remarks, OverFitting) {
  TestRun run;
  for (const double loss : {0.9, 0.8, 0.7}) run.loss_evaluation(100, loss);
  EXPECT_FALSE(overfitting(run.record)) << "it falls";
  for (const double loss : {0.8, 0.9}) run.loss_evaluation(200, loss);
  EXPECT_FALSE(overfitting(run.record)) << "two rises";
  run.loss_evaluation(300, 1.0, "other");
  EXPECT_FALSE(overfitting(run.record)) << "other images";
  run.loss_evaluation(400, 1.0);
  EXPECT_THAT(text_of(overfitting(run.record)),
              AllOf(HasSubstr("at step 400"), HasSubstr("best at step 100"), HasSubstr("--step")));
}

TEST(Remarks, WarningsOfTheRun) {
  TestRun run;
  EXPECT_FALSE(warnings(run.record));
  for (const int64_t step : {5, 6}) {
    run.event(step, "warning", R"(,"reason":"the discriminator has won")");
  }
  EXPECT_THAT(text_of(warnings(run.record)),
              AllOf(HasSubstr("twice"), HasSubstr("step 6: the discriminator has won.")));
}

TEST(Remarks, TheWarningOfOverFittingIsNotRepeated) {
  TestRun run;
  int64_t step = 0;
  for (const double loss : {0.7, 0.8, 0.9, 1.0}) run.loss_evaluation(++step, loss);
  run.record.events["warning"].push_back({.step = 4, .event = "warning", .reason = [&] {
                                            std::string said = overfitting(run.record)->text;
                                            said = said.substr(said.find(": ") + 2);
                                            return said.substr(0, said.find(". Use"));
                                          }()});
  EXPECT_FALSE(warnings(run.record));
}

TEST(Remarks, SkippedSteps) {
  TestRun run;
  EXPECT_FALSE(skipped_steps(run.record));
  run.event(7, "nonfinite");
  EXPECT_THAT(text_of(skipped_steps(run.record)),
              AllOf(HasSubstr("1 step was skipped, the last one step 7"),
                    HasSubstr("optimizer.clip_norm")));
  run.event(9, "nonfinite");
  run.record.config.optimizer.clip_norm = 1;
  EXPECT_THAT(
      text_of(skipped_steps(run.record)),
      AllOf(HasSubstr("2 steps were skipped, the last one step 9"), Not(HasSubstr("clip_norm"))));
}

TEST(Remarks, FailedCheckpointsAndSamples) {
  TestRun run;
  EXPECT_FALSE(failed_checkpoints(run.record));
  EXPECT_FALSE(failed_samples(run.record));
  run.event(20, "checkpoint_failed", R"(,"reason":"No space left on device")");
  run.event(30, "samples_failed", R"(,"reason":"Permission denied")");
  EXPECT_THAT(text_of(failed_checkpoints(run.record)),
              HasSubstr("once, last at step 20: No space left on device."));
  EXPECT_THAT(text_of(failed_samples(run.record)),
              HasSubstr("once, last at step 30: Permission denied."));
}

TEST(Remarks, LostAndUnreadableLines) {
  TestRun run;
  EXPECT_FALSE(lost_lines(run.record));
  EXPECT_FALSE(unreadable_lines(run.record));
  run.event(40, "lines_lost", R"(,"lines":12)");
  run.event(50, "lines_lost", R"(,"lines":3)");
  EXPECT_THAT(text_of(lost_lines(run.record)), HasSubstr("15 lines"));
  add_line(run.record, "\xff not JSON");
  EXPECT_THAT(text_of(unreadable_lines(run.record)), HasSubstr("1 lines"));
}

TEST(Remarks, Restarts) {
  TestRun run;
  run.event(0, "started");
  EXPECT_FALSE(restarts(run.record));
  run.event(60, "restarted", R"(,"restarts":1)");
  run.event(80, "restarted", R"(,"restarts":3)");
  EXPECT_THAT(text_of(restarts(run.record)),
              HasSubstr("started again 3 times by its launcher, last at step 80"));
}

TEST(Remarks, AStragglerIsSlowInMostOfTheRecentSteps) {
  const TestRun slow(600, [](int64_t step) {
    return TestRun::with(step, step % 10 == 0 ? R"("slowest_rank":2,"slowest_ratio":1.1)"
                                              : R"("slowest_rank":3,"slowest_ratio":2.5)");
  });
  EXPECT_THAT(text_of(straggler(slow.record)),
              AllOf(HasSubstr("90 % of the last 500 steps, up to step 600"),
                    HasSubstr("mostly rank 3"), HasSubstr("factor of 2.5")));
  const TestRun was_slow(1100, [](int64_t step) {
    return TestRun::with(step, step > 850 ? R"("slowest_rank":3,"slowest_ratio":1.2)"
                                          : R"("slowest_rank":3,"slowest_ratio":2.5)");
  });
  EXPECT_FALSE(straggler(was_slow.record));
  EXPECT_FALSE(straggler(TestRun().record)) << "one rank";
}

TEST(Remarks, DataStarvation) {
  const TestRun starved(100, [](int64_t step) {
    return TestRun::with(step, R"("step_seconds":1,"data_seconds":0.4)");
  });
  EXPECT_THAT(text_of(starved_of_data(starved.record)),
              AllOf(HasSubstr("spent 40 %"), HasSubstr("step 100"), HasSubstr("data.prefetch")));
  EXPECT_FALSE(starved_of_data(TestRun().record));
}

TEST(Remarks, ClippingOfAlmostAllSteps) {
  TestRun run;  // with a gradient norm of 1.5
  EXPECT_FALSE(always_clipped(run.record)) << "it does not clip";
  run.record.config.optimizer.clip_norm = 2;
  EXPECT_FALSE(always_clipped(run.record));
  run.record.config.optimizer.clip_norm = 1;
  EXPECT_THAT(text_of(always_clipped(run.record)), AllOf(HasSubstr("100 % of the last 500 steps"),
                                                         HasSubstr("optimizer.clip_norm = 1")));
}

std::string falling(int64_t step) {
  return TestRun::with_loss(step, 2.0 - 0.001 * static_cast<double>(step) + 0.01 * (step % 2));
}

TEST(Remarks, ALossThatStillFalls) {
  TestRun run(1000, falling);
  run.record.config.optimizer.schedule = LearningRateSchedule::kConstant;
  EXPECT_THAT(text_of(still_falling(run.record)),
              AllOf(HasSubstr("step 1000"), HasSubstr("a larger train.steps continues this run")));
  EXPECT_FALSE(flat(run.record));
  run.record.config.optimizer.schedule = LearningRateSchedule::kCosine;
  EXPECT_THAT(text_of(still_falling(run.record)), HasSubstr("start a run with a larger"));
  run.record.config.train.steps = 2000;
  EXPECT_FALSE(still_falling(run.record)) << "the run is not finished";
  run.record.config.train.steps = 1000;
  run.record.config.run.task = "gan_inpaint";
  EXPECT_FALSE(still_falling(run.record)) << "the losses of a GAN need not fall";
}

TEST(Remarks, AFlatLoss) {
  const TestRun run(1000, [](int64_t step) {
    return TestRun::with_loss(step, 1 + 0.001 * static_cast<double>(step % 2));
  });
  EXPECT_THAT(text_of(flat(run.record)), AllOf(HasSubstr("step 1000"), HasSubstr("less than 1 %")));
  EXPECT_FALSE(still_falling(run.record));
  EXPECT_FALSE(flat(TestRun().record)) << "too noisy to tell";
}

TEST(Remarks, ProblemsComeFirst) {
  TestRun run;
  run.event(1, "restarted");
  run.event(2, "checkpoint_failed");
  std::vector<Remark::Kind> kinds;
  for (const Remark& remark : remarks_on(run.record)) kinds.push_back(remark.kind);
  EXPECT_THAT(kinds, ElementsAre(Remark::Kind::kProblem, Remark::Kind::kAdvice));
}

}  // namespace
}  // namespace gm
