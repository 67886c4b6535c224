// Reading a run for its report: a run that is training, damaged, old or long.
#include "report/run_record.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr const char* kTrain = R"({"kind":"train","step":1,"images":8,"time":10,"loss":0.5})"
                               "\n";

class RunRecordTest : public ::testing::Test {
 protected:
  RunRecord read(const std::string& lines, const std::string& config = "[train]\nsteps = 5\n") {
    write_file_atomically(folder_ / "config.toml", config);
    write_file_atomically(folder_ / "metrics.jsonl", lines);
    return read_run_record(folder_.path());
  }

  const TemporaryFolder folder_;
};

TEST_F(RunRecordTest, ReadsLinesOfEachKind) {
  const RunRecord run = read(
      R"({"kind":"event","step":0,"images":0,"time":9,"event":"started","version":"gm 7"})"
      "\n" +
      std::string(kTrain) +
      R"({"kind":"train","step":2,"images":16,"time":11,"loss":0.25,"data_seconds":0.5})"
      "\n"
      R"({"kind":"evaluation","step":2,"time":12,"evaluation":"loss","samples":4,"sampler.eta":0.5,)"
      R"("weights_hash":"differs","loss_train":1.0})"
      "\n"
      R"({"kind":"checkpoint","step":2,"time":12,"path":"x","seconds":1.5})"
      "\n"
      R"({"kind":"sample","step":2,"time":14,"path":"x","seconds":2})"
      "\n");
  EXPECT_EQ(run.last_step, 2);
  EXPECT_EQ(run.last_images, 16);
  EXPECT_EQ(run.last_time - run.first_time, 5);
  EXPECT_FALSE(run.is_finished());
  ASSERT_NE(run.curve("loss"), nullptr);
  EXPECT_EQ(run.curve("loss")->last(), 0.25);
  EXPECT_THAT(run.parts, SizeIs(1));
  EXPECT_THAT(run.environment, ElementsAre(Pair("version", "gm 7")));
  ASSERT_THAT(run.evaluations, SizeIs(1));
  EXPECT_EQ(run.evaluations[0].provenance, "samples 4, sampler.eta 0.5");
  EXPECT_THAT(run.evaluations[0].figures, ElementsAre(Pair("loss_train", 1)));
  EXPECT_EQ(run.sample_seconds, 2);
}

TEST_F(RunRecordTest, TheNumberOfNamesIsBounded) {
  std::string lines;
  for (int i = 1; i <= 1000; ++i) {
    lines += fmt::format(R"({{"kind":"train","step":{0},"loss_{0}":1,"part{0}_seconds":1}})"
                         "\n"
                         R"({{"kind":"event","step":{0},"event":"event{0}"}})"
                         "\n",
                         i);
  }
  const RunRecord run = read(lines);
  EXPECT_THAT(run.curves, SizeIs(RunRecord::kMostNames));
  EXPECT_THAT(run.parts, SizeIs(RunRecord::kMostNames));
  EXPECT_THAT(run.events, SizeIs(RunRecord::kMostNames));
  EXPECT_EQ(run.unreadable_lines, 2 * (1000 - 200));
  EXPECT_EQ(run.last_step, 1000);
}

TEST_F(RunRecordTest, ALineThatIsBeingWrittenIsNoDamage) {
  const RunRecord run = read(std::string(kTrain) + R"({"kind":"train","st)");
  EXPECT_EQ(run.last_step, 1);
  EXPECT_EQ(run.unreadable_lines, 0);
}

TEST_F(RunRecordTest, DamagedLinesAreCounted) {
  const std::string deep(20'000, '[');
  const std::string lines = "not JSON\n\n[]\n{\"kind\":3,\"step\":1}\n{\"kind\":\"train\"}\n" +
                            deep + "\n" + std::string(1 << 20, 'x') + "\n" + kTrain;
  const RunRecord run = read(lines);
  EXPECT_EQ(run.unreadable_lines, 7);
  EXPECT_EQ(run.last_step, 1) << "the line after them is read";
}

TEST_F(RunRecordTest, FieldsOfAnotherTypeAreMissing) {
  const RunRecord run =
      read(R"({"kind":"train","step":1e300,"images":[],"time":"x","loss":null,"learning_rate":"x"})"
           "\n"
           R"({"kind":"evaluation","step":1,"evaluation":7,"psnr":null})"
           "\n"
           R"({"kind":"event","step":1,"event":null,"reason":{}})"
           "\n" +
           std::string(kTrain));
  EXPECT_EQ(run.last_step, 1);
  ASSERT_THAT(run.evaluations, SizeIs(1));
  EXPECT_TRUE(std::isnan(run.evaluations[0].figures.at(0).second));
}

TEST_F(RunRecordTest, OnlyTheNewestLinesAreKept) {
  RunRecord run;
  for (int step = 1; step <= 6000; ++step) {
    add_line(run, fmt::format(R"({{"kind":"train","step":{}}})", step));
    add_line(run, fmt::format(R"({{"kind":"evaluation","step":{},"x":1.0}})", step));
    add_line(run, fmt::format(R"({{"kind":"event","step":{},"event":"nonfinite"}})", step));
  }
  EXPECT_THAT(run.recent, SizeIs(RunRecord::kMostRecent));
  EXPECT_THAT(run.evaluations, SizeIs(RunRecord::kMostEvaluations));
  EXPECT_THAT(run.events["nonfinite"], SizeIs(RunRecord::kMostEvents));
  EXPECT_EQ(run.recent.back().step, 6000);
  EXPECT_EQ(run.count("nonfinite"), 6000);
}

TEST_F(RunRecordTest, FindsSamplesAndCheckpoints) {
  for (const char* name : {"step-00000010.png", "step-00000002.png", "step-x.png", "notes.txt"}) {
    std::filesystem::create_directories(folder_ / "samples");
    write_file_atomically(folder_ / "samples" / name, "");
  }
  std::filesystem::create_directories(folder_ / "checkpoints/step-00000004");
  write_file_atomically(folder_ / "checkpoints/step-00000004/model.safetensors", "12345");
  const RunRecord run = read(R"({"kind":"checkpoint","step":4,"time":12,"seconds":1.5})"
                             "\n");
  ASSERT_THAT(run.samples, SizeIs(2));
  EXPECT_EQ(run.samples[0].step, 2);
  EXPECT_EQ(run.samples[1].step, 10);
  ASSERT_THAT(run.checkpoints, SizeIs(1));
  EXPECT_EQ(run.checkpoints[0].bytes, 5U);
  EXPECT_EQ(run.checkpoints[0].seconds, 1.5);
}

TEST_F(RunRecordTest, ARunThatJustBeganHasNoLines) {
  write_file_atomically(folder_ / "config.toml", "");
  const RunRecord run = read_run_record(folder_.path());
  EXPECT_EQ(run.last_step, 0);
  EXPECT_THAT(run.curves, IsEmpty());
  EXPECT_EQ(run.name, folder_.path().filename());
  EXPECT_EQ(read_run_record(folder_ / "").name, run.name) << "a slash at the end";
}

TEST_F(RunRecordTest, OtherFoldersAreRefused) {
  expect_error<InputError>([&] { read_run_record(folder_ / "none"); }, HasSubstr("no such file"));
  expect_error<InputError>([&] { read_run_record(folder_.path()); },
                           HasSubstr("is not a run directory"));
}

}  // namespace
}  // namespace gm
