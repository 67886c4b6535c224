// Ranks that do not see the same files.
#include "run/check_hosts.h"

#include <gmock/gmock.h>

#include <optional>

#include "base/error.h"
#include "comm/on_rank_zero.h"
#include "run/run_lock.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "support/test_world.h"

namespace gm {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

class CheckHosts : public testing::Test {
 protected:
  CheckHosts() {
    on_rank_zero(ranks(), [&] { shared_.emplace(); });
    run_ = text_from_rank_zero(ranks(), [&] { return (shared_->path() / "run").string(); });
    on_rank_zero(ranks(), [&] { lock_.emplace(run_, [](const std::string&) {}); });
  }
  ~CheckHosts() override { ranks().barrier(); }

  static Communicator& ranks() { return test_world().communicator(); }
  static bool is_last_of_several() {
    return test_world().size() > 1 && test_world().rank() == test_world().size() - 1;
  }
  static std::string last() { return "rank " + std::to_string(test_world().size() - 1); }

  std::optional<TemporaryFolder> shared_;  // of rank 0
  std::filesystem::path run_;
  std::optional<RunLock> lock_;
  const TemporaryFolder own_;
};

TEST_F(CheckHosts, AcceptsWhatAllRanksSee) {
  require_shared_run_directory(run_, ranks());
  require_data_on_all_hosts(run_, ranks());
  testing::internal::CaptureStderr();
  warn_of_clock_skew(ranks());
  EXPECT_THAT(testing::internal::GetCapturedStderr(), IsEmpty());
}

TEST_F(CheckHosts, RefusesARunDirectoryThatARankDoesNotShare) {
  if (test_world().size() == 1) return;
  for (const char* other : {"", "missing"}) {
    expect_error<InputError>(
        [&] {
          require_shared_run_directory(is_last_of_several() ? own_.path() / other : run_, ranks());
        },
        AllOf(HasSubstr("the same run directory"), HasSubstr(last())));
  }
}

TEST_F(CheckHosts, RefusesARunDirectoryWhoseLockNoRankCanRead) {
  expect_error<InputError>([&] { require_shared_run_directory(own_.path() / "missing", ranks()); },
                           AllOf(HasSubstr("rank"), HasSubstr("without the lock of rank 0")));
}

TEST_F(CheckHosts, RefusesAFolderThatAnotherProcessHasLockedOnARank) {
  if (test_world().size() == 1) return;
  const RunLock other(own_.path() / "run", [](const std::string&) {});
  expect_error<InputError>(
      [&] {
        require_shared_run_directory(is_last_of_several() ? own_.path() / "run" : run_, ranks());
      },
      HasSubstr(last()));
}

TEST_F(CheckHosts, RefusesDataThatARankDoesNotHave) {
  expect_error<InputError>([&] { require_data_on_all_hosts(own_.path() / "missing.h5", ranks()); },
                           AllOf(HasSubstr("missing.h5"), HasSubstr("rank")));
  if (test_world().size() == 1) return;
  expect_error<InputError>(
      [&] {
        require_data_on_all_hosts(is_last_of_several() ? own_.path() / "missing.h5" : run_,
                                  ranks());
      },
      AllOf(HasSubstr(last() + ": no such file"), HasSubstr("share")));
}

}  // namespace
}  // namespace gm
