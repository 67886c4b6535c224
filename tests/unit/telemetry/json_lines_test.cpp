// metrics.jsonl consists of whole lines, also after errors.
#include "telemetry/json_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error.h"
#include "base/files.h"
#include "support/expect_error.h"
#include "support/file_size_limit.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

class JsonLinesTest : public ::testing::Test {
 protected:
  std::string content() const { return read_file(path_, 100 << 20); }
  std::vector<Json> lines() const {
    std::vector<Json> lines;
    std::istringstream text(content());
    for (std::string line; std::getline(text, line);) lines.push_back(Json::parse(line));
    return lines;
  }

  std::vector<int64_t> steps() const {
    std::vector<int64_t> steps;
    for (const Json& line : lines()) steps.push_back(line["step"]);
    return steps;
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "metrics.jsonl";
};

TEST_F(JsonLinesTest, ALineBeginsWithKindStepImagesAndTime) {
  JsonLines(path_).write("event", 3, 192, {{"event", "resumed"}});
  EXPECT_THAT(content(), StartsWith(R"({"kind":"event","step":3,"images":192,"time":)"));
  const Json line = lines().at(0);
  EXPECT_EQ(line["event"], "resumed");
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  EXPECT_NEAR(line["time"].get<double>(), std::chrono::duration<double>(now).count(), 60);
}

TEST_F(JsonLinesTest, AStepHasTheDocumentedFields) {
  JsonLines(path_).write_step({.step = 2,
                               .samples = 128,
                               .step_samples = 64,
                               .loss = 0.5,
                               .loss_terms = {{"noise", 0.25}},
                               .learning_rate = 1e-3,
                               .gradient_norm = 2,
                               .step_seconds = 0.25,
                               .part_seconds = {{"data", 0.125}}});
  const Json line = lines().at(0);
  std::vector<std::string> names;
  for (const auto& [name, value] : line.items()) names.push_back(name);
  EXPECT_THAT(names,
              ElementsAre("kind", "step", "images", "time", "loss", "loss_noise", "learning_rate",
                          "gradient_norm", "step_seconds", "images_per_second", "data_seconds"));
  EXPECT_EQ(line["kind"], "train");
  EXPECT_EQ(line["images_per_second"], 256);
  EXPECT_EQ(line["loss_noise"], 0.25);
}

TEST_F(JsonLinesTest, AStepOfSeveralRanksNamesTheSlowest) {
  JsonLines(path_).write_step({.step = 2, .slowest = SlowestRank{.rank = 3, .ratio = 1.5}});
  EXPECT_EQ(lines().at(0)["slowest_rank"], 3);
  EXPECT_EQ(lines().at(0)["slowest_ratio"], 1.5);
}

TEST_F(JsonLinesTest, NumbersThatAreNotFiniteBecomeNull) {
  JsonLines(path_).write_step(
      {.loss = std::nan(""), .gradient_norm = std::numeric_limits<double>::infinity()});
  EXPECT_TRUE(lines().at(0)["loss"].is_null());
  EXPECT_TRUE(lines().at(0)["gradient_norm"].is_null());
  EXPECT_EQ(lines().at(0)["images_per_second"], 0);
}

TEST_F(JsonLinesTest, TextThatIsNotUtf8IsStillWritten) {
  JsonLines(path_).write("event", 1, 1, {{"path", "bad \xff name\nand a line"}});
  EXPECT_EQ(lines().size(), 1U);
}

TEST_F(JsonLinesTest, LinesAreAppendedToAnExistingFile) {
  JsonLines(path_).write("event", 1, 64, {});
  JsonLines(path_).write("event", 2, 128, {});
  ASSERT_EQ(lines().size(), 2U);
  EXPECT_EQ(lines()[1]["step"], 2);
}

TEST_F(JsonLinesTest, RewindingRemovesOnlyLinesOfLaterSteps) {
  JsonLines writer(path_);
  for (const int64_t step : {1, 2, 3, 4, 5}) {
    writer.write("train", step, 0, {});
    if (step == 4) writer.write("checkpoint", 3, 0, {});  // was written in the background
    if (step == 3) writer.write("sample", 3, 0, {});
  }
  EXPECT_THAT(rewind_json_lines(path_, 3), UnorderedElementsAre("train", "sample", "checkpoint"));
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3, 3, 3));
  const auto untouched = std::filesystem::last_write_time(path_);
  EXPECT_THAT(rewind_json_lines(path_, 3), UnorderedElementsAre("train", "sample", "checkpoint"));
  EXPECT_EQ(std::filesystem::last_write_time(path_), untouched);
  EXPECT_THAT(rewind_json_lines(path_, 0), IsEmpty());
  EXPECT_THAT(steps(), IsEmpty());
  EXPECT_THAT(folder_.names(), ElementsAre("metrics.jsonl"));
  EXPECT_THAT(rewind_json_lines(folder_ / "none", 3), IsEmpty());
}

TEST_F(JsonLinesTest, RewindingTellsEvaluationsApart) {
  {
    JsonLines writer(path_);
    writer.write("evaluation", 3, 0, {{"evaluation", "inpainting"}});
    writer.write("evaluation", 3, 0, {{"evaluation", "distance"}});
    writer.write("evaluation", 4, 0, {});  // of a version in which there was only one
  }
  EXPECT_THAT(rewind_json_lines(path_, 4), ElementsAre("evaluation inpainting"));
  EXPECT_THAT(rewind_json_lines(path_, 3),
              UnorderedElementsAre("evaluation inpainting", "evaluation distance"));
}

TEST_F(JsonLinesTest, RewindingALongFileRemovesOnlyLinesOfLaterSteps) {
  const std::string ballast(2000, 'x');
  {
    JsonLines writer(path_);
    for (int64_t step = 1; step <= 3000; ++step) {
      writer.write("train", step, 0, {{"ballast", ballast}});
      if (step % 100 == 50) writer.write("checkpoint", step - 3, 0, {});
    }
  }
  for (const int64_t step : {2999, 2047, 1000, 3}) {
    rewind_json_lines(path_, step);
    std::vector<int64_t> expected_trains(static_cast<size_t>(step)), trains;
    std::iota(expected_trains.begin(), expected_trains.end(), 1);
    int64_t checkpoints = 0;
    for (const Json& line : lines()) {
      if (line["kind"] == "train") trains.push_back(line["step"]);
      if (line["kind"] == "checkpoint") ++checkpoints;
    }
    EXPECT_EQ(trains, expected_trains);
    EXPECT_EQ(checkpoints, (step + 53) / 100) << step;
  }
}

TEST_F(JsonLinesTest, RewindingRemovesAnIncompleteLastLine) {
  for (const size_t torn : {size_t{1}, size_t{20}, size_t{10'000}}) {
    write_file_atomically(path_, "{\"kind\":\"event\",\"step\":1}\n" + std::string(torn, 'x'));
    ::testing::internal::CaptureStderr();
    rewind_json_lines(path_, 1);
    JsonLines(path_).write("event", 2, 128, {});
    EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("1 lines after step 1"));
    EXPECT_THAT(steps(), ElementsAre(1, 2));
  }
  write_file_atomically(path_, "no line feed at all");
  ::testing::internal::CaptureStderr();
  rewind_json_lines(path_, 1);
  JsonLines(path_).write("event", 2, 128, {});
  ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(lines().size(), 1U);
}

TEST_F(JsonLinesTest, AFailedWriteLosesLinesButIsNoError) {
  JsonLines json_lines(path_);
  // A long line, so that the file size limit still admits the warning: captured stderr is a file.
  json_lines.write("event", 1, 64, {{"event", std::string(1000, 'x')}});
  ::testing::internal::CaptureStderr();
  {
    const FileSizeLimit limit(content().size() + 10);  // a part of the line still fits
    EXPECT_FALSE(json_lines.write("event", 2, 128, {}));
    EXPECT_FALSE(json_lines.write("event", 3, 192, {}));
  }
  EXPECT_TRUE(json_lines.write("event", 4, 256, {}));
  const std::string warnings = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(warnings, HasSubstr("a line could not be written"));
  EXPECT_EQ(std::count(warnings.begin(), warnings.end(), '\n'), 1);
  ASSERT_EQ(lines().size(), 2U);
  EXPECT_EQ(lines()[1]["step"], 4);
}

TEST_F(JsonLinesTest, AFileThatCannotBeOpenedIsAnError) {
  expect_error<Error>([&] { JsonLines(folder_ / "none" / "metrics.jsonl"); },
                      HasSubstr("cannot be opened for appending: No such file"));
}

}  // namespace
}  // namespace gm
