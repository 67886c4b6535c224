// The page of the report.
#include "report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "report/embedded_image.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";

std::filesystem::path make_run(const std::filesystem::path& directory, const std::string& lines,
                               const std::string& config = "") {
  std::filesystem::create_directories(directory / "samples");
  write_file_atomically(directory / "config.toml", config);
  write_file_atomically(directory / "metrics.jsonl", lines);
  return directory;
}

std::string page_of(const std::vector<std::filesystem::path>& runs) {
  return report_page(read_run_records(runs));
}

TEST(Report, TextFromTheRunIsEscaped) {
  const TemporaryFolder folder;
  const auto run = make_run(
      folder / "<script>alert 1&\"",
      R"({"kind":"event","step":1,"event":"started","<script>alert 2":"<script>alert 3"})"
      "\n"
      R"({"kind":"event","step":1,"event":"checkpoint_failed","reason":"<script>alert 4"})"
      "\n"
      R"({"kind":"train","step":1,"loss":0.5,"loss_<script>alert 5":1,"<script>alert 6_seconds":1})"
      "\n"
      R"({"kind":"evaluation","step":1,"evaluation":"<script>alert 7","<script>alert 8":0.5,"x":"<script>alert 9"})"
      "\n",
      "[model]\nweights = \"<script>alert 0\"\n");
  write_file_atomically(run / "samples/step-00000001.png", kSignature);
  const std::string page = page_of({run, run});
  EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
  for (int i = 0; i <= 9; ++i) {
    EXPECT_THAT(page, HasSubstr(fmt::format("&lt;script&gt;alert {}", i)));
  }
}

TEST(Report, NeedsNoNetwork) {
  const TemporaryFolder folder;
  const auto run = make_run(folder / "run", "");
  write_file_atomically(run / "samples/step-00000001.png", kSignature);
  EXPECT_THAT(page_of({run}), AllOf(Not(HasSubstr("http:")), Not(HasSubstr("https:")),
                                    HasSubstr("src=\"data:image/png;base64,")));
}

TEST(Report, ARunWithoutLinesHasAPage) {
  const TemporaryFolder folder;
  const auto run = make_run(folder / "run", "");
  EXPECT_THAT(page_of({run}), AllOf(HasSubstr("no step yet"), HasSubstr("Nothing unusual")));
  EXPECT_THAT(page_of({run, run}), HasSubstr("2 runs compared"));
}

TEST(Report, RunsOfTheSameNameAreToldApart) {
  const TemporaryFolder folder;
  const auto one = make_run(folder / "a/run", ""), two = make_run(folder / "b/run", ""),
             other = make_run(folder / "b/other", "");
  std::vector<std::string> names;
  for (const RunRecord& run : read_run_records({one, two, other})) names.push_back(run.name);
  EXPECT_THAT(names, ElementsAre(one.string(), two.string(), "other"));
}

TEST(Report, ComparesTheConfigurations) {
  const TemporaryFolder folder;
  const auto one = make_run(folder / "one", "", "[train]\nsteps = 111\nbatch_size = 8\n");
  const auto two = make_run(folder / "two", "", "[train]\nsteps = 222\nbatch_size = 8\n");
  const std::string page = page_of({one, two});
  const std::string differences = page.substr(0, page.find("All keys"));
  EXPECT_THAT(differences, AllOf(HasSubstr("train.steps"), HasSubstr("111"), HasSubstr("222"),
                                 Not(HasSubstr("train.batch_size"))));
}

TEST(Report, EmbedsPngFilesOfBoundedSize) {
  const TemporaryFolder folder;
  const auto file = folder / "image.png";
  write_file_atomically(file, std::string(kSignature) + "a");
  EXPECT_EQ(png_data_url(file, 100), "data:image/png;base64,iVBORw0KGgph") << "RFC 4648";
  EXPECT_FALSE(png_data_url(file, 8)) << "too large";
  write_file_atomically(file, "GIF89a");
  EXPECT_FALSE(png_data_url(file, 100));
  EXPECT_FALSE(png_data_url(folder / "none.png", 100));
}

TEST(Report, AFailureToWriteIsAWarning) {
  const TemporaryFolder folder;
  const auto run = make_run(folder / "run", "");
  std::filesystem::create_directories(run / "report.html/in the way");
  ::testing::internal::CaptureStderr();
  write_report_of_run(run);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("warning: the report of the run was not written"));
}

}  // namespace
}  // namespace gm
