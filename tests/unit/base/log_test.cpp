// What messages look like on stderr and in the log file.
#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class LogTest : public ::testing::Test {
 protected:
  void SetUp() override { ::testing::internal::CaptureStderr(); }
  void TearDown() override {
    close_log_file();
    set_log_rank(0, 1);
  }
  static std::string on_stderr() { return ::testing::internal::GetCapturedStderr(); }
};

TEST_F(LogTest, ASingleProcessShowsNoRank) {
  log_info("{} images", 12);
  log_warning("slow");
  log_error("broken");
  EXPECT_EQ(on_stderr(), "12 images\nwarning: slow\nerror: broken\n");
}

TEST_F(LogTest, OtherRanksShowOnlyWarningsAndErrors) {
  set_log_rank(3, 4);
  log_info("not shown");
  log_progress("not shown");
  log_warning("slow");
  EXPECT_EQ(on_stderr(), "[rank 3] warning: slow\n");
}

TEST_F(LogTest, TheFileGetsEveryMessageWithItsDate) {
  const TemporaryFolder folder;
  set_log_rank(0, 2);
  add_log_file(folder / "log.txt");
  log_info("begun");
  log_progress("under way");
  close_log_file();
  log_info("after");
  const std::string file = read_file(folder / "log.txt", 1 << 20);
  EXPECT_THAT(file, ::testing::MatchesRegex("20[^\n]* info +.rank 0. begun\n"
                                            "20[^\n]* info +.rank 0. under way\n"));
  EXPECT_THAT(on_stderr(), HasSubstr("[rank 0] after\n"));
}

TEST_F(LogTest, BracesInAMessageAreKept) {
  log_info("{}", "{not a field}");
  EXPECT_EQ(on_stderr(), "{not a field}\n");
}

TEST_F(LogTest, ThereIsNoStatusLineWithoutATerminal) {
  set_status_line("step 1");
  log_info("message");
  set_status_line("");
  EXPECT_EQ(on_stderr(), "message\n");
}

TEST_F(LogTest, AFileThatCannotBeOpenedIsAnError) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "file", "");
  EXPECT_THROW(add_log_file(folder / "file" / "log.txt"), Error);
  on_stderr();
}

}  // namespace
}  // namespace gm
