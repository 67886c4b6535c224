#include "run/step_limit_file.h"

#include <gmock/gmock.h>

#include "base/files.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class StepLimitFileTest : public testing::Test {
 protected:
  StepLimit limit() { return step_limit_of_run({.step_seconds = 300}, directory_, ranks_); }

  const TemporaryFolder folder_;
  const RunDirectory directory_{folder_.path()};
  SelfCommunicator ranks_;
};

TEST_F(StepLimitFileTest, TheNextWorldKnowsTheStepThatWasLate) {
  EXPECT_EQ(limit().memory(), StepLimit::Memory{});
  const StepLimit::Memory memory{
      .shortest_seconds = 20, .late_step = 1234567890123, .late_seconds = 12.345678901234};
  write_step_limit(directory_, memory);
  EXPECT_EQ(limit().memory(), memory);
}

TEST_F(StepLimitFileTest, ALimitThatARankKnowsIsNotReplacedByAShorterOne) {
  write_step_limit(directory_, {.shortest_seconds = 20});
  write_step_limit(directory_, {.shortest_seconds = 10, .late_step = 7, .late_seconds = 10});
  EXPECT_EQ(limit().memory(),
            (StepLimit::Memory{.shortest_seconds = 20, .late_step = 7, .late_seconds = 10}));
}

TEST_F(StepLimitFileTest, ADamagedFileIsOnlyAWarning) {
  for (const char* damaged : {"", "{}", "[[[", R"({"shortest_seconds":"long"})"}) {
    write_file_atomically(directory_.step_limit(), damaged);
    testing::internal::CaptureStderr();
    EXPECT_EQ(limit().memory(), StepLimit::Memory{});
    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("step_limit.json: ignored"));
  }
}

TEST_F(StepLimitFileTest, AFolderThatIsGoneIsOnlyAWarning) {
  testing::internal::CaptureStderr();
  write_step_limit(RunDirectory(folder_.path() / "gone"), {});
  EXPECT_THAT(testing::internal::GetCapturedStderr(), Not(IsEmpty()));
}

TEST_F(StepLimitFileTest, APathThatTheSystemRefusesIsOnlyAWarning) {
  const RunDirectory refused(std::string(5000, 'x'));  // longer than a path may be
  testing::internal::CaptureStderr();
  write_step_limit(refused, {});
  EXPECT_EQ(step_limit_of_run({.step_seconds = 300}, refused, ranks_).memory(),
            StepLimit::Memory{});
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("File name too long"));
}

}  // namespace
}  // namespace gm
