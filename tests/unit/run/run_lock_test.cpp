// At most one process uses a run, and the lock of a dead process does not block it.
#include "run/run_lock.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <functional>
#include <future>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/host.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class RunLockTest : public ::testing::Test {
 protected:
  /// A process that locks the run and waits to be killed.
  pid_t other_process() {
    int ready[2];
    if (::pipe(ready) != 0) throw std::runtime_error("pipe failed");
    const pid_t child = ::fork();
    if (child == 0) {
      const RunLock lock(run_, fail_);
      if (::write(ready[1], "x", 1) != 1) ::_exit(1);
      while (true) ::pause();
    }
    char byte;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    ::close(ready[0]);
    ::close(ready[1]);
    return child;
  }
  static void kill_and_wait(pid_t process) {
    ::kill(process, SIGKILL);
    ::waitpid(process, nullptr, 0);
  }

  /// Written in place and with a fixed length, as by gm, so that readers never see a partial lock.
  void lock_by_another_host(int64_t beat) const {
    const std::string owner =
        fmt::format(R"({{"host":"elsewhere","kernel":"another","process":12,"beat":{}}})", beat);
    std::ofstream(run_ / ".lock", std::ios::app);
    std::fstream(run_ / ".lock", std::ios::in | std::ios::out) << fmt::format("{:<511}\n", owner);
  }

  /// Fails the test if another process takes over the run.
  std::function<void(const std::string&)> fail_ = [](const std::string& reason) {
    ADD_FAILURE() << reason;
  };
  TemporaryFolder folder_;
  fs::path run_ = folder_ / "runs" / "a";
};

TEST_F(RunLockTest, CreatesTheFolderAndRemovesItIfUnused) {
  {
    const RunLock lock(run_, fail_);
    EXPECT_TRUE(fs::exists(run_ / ".lock"));
  }
  EXPECT_FALSE(fs::exists(folder_ / "runs"));
  {
    const RunLock lock(run_, fail_);
    std::ofstream(run_ / "config.toml") << "used";
  }
  EXPECT_FALSE(fs::exists(run_ / ".lock"));
  EXPECT_TRUE(fs::exists(run_ / "config.toml"));
}

TEST_F(RunLockTest, ALiveOwnerIsNamedAndADeadOneIsReplacedAtOnce) {
  const pid_t owner = other_process();
  const std::string before = read_file(run_ / ".lock", 1000);
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size());
  expect_error<InputError>(
      [&] { RunLock(run_, fail_); },
      AllOf(HasSubstr(fmt::format("process {} on {}", owner, host.data())), HasSubstr("run.dir")));
  EXPECT_TRUE(fs::exists(run_ / ".lock"));
  EXPECT_EQ(RunLock::holder(run_), fmt::format("process {} on {}", owner, host.data()));
  kill_and_wait(owner);
  EXPECT_EQ(RunLock::holder(run_), std::nullopt);
  EXPECT_TRUE(fs::exists(run_ / ".lock")) << "a dead process leaves its lock";
  const auto start = std::chrono::steady_clock::now();
  const RunLock lock(run_, fail_);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST_F(RunLockTest, AnOwnerOnAnotherHostIsRespectedWhileItsBeatChanges) {
  fs::create_directories(run_);
  lock_by_another_host(1);
  std::atomic<bool> done = false;
  std::thread owner([&] {
    for (int64_t beat = 2; !done; ++beat) {
      lock_by_another_host(beat);
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
    }
  });
  ::testing::internal::CaptureStderr();
  expect_error<InputError>([&] { RunLock(run_, fail_); },
                           HasSubstr("process 12 on elsewhere trains here"));
  ::testing::internal::GetCapturedStderr();
  done = true;
  owner.join();
}

TEST_F(RunLockTest, ADeadOwnerOnAnotherHostIsReplaced) {
  fs::create_directories(run_);
  lock_by_another_host(7);
  EXPECT_EQ(RunLock::holder(run_), "process 12 on elsewhere") << "it may still live";
  ::testing::internal::CaptureStderr();
  { const RunLock lock(run_, fail_); }
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("taken over from process 12 on elsewhere, which is gone"));
}

TEST_F(RunLockTest, OnlyOneOfTwoProcessesReplacesADeadOwner) {
  fs::create_directories(run_);
  lock_by_another_host(7);
  ::testing::internal::CaptureStderr();
  std::thread rival([&] {
    // The rival on a third host has waited equally long, and writes its name after this process.
    while (!read_file(run_ / ".lock", 1000).starts_with(R"({"host":")" + host_name())) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    lock_by_another_host(1);
  });
  expect_error<InputError>([&] { RunLock(run_, fail_); },
                           HasSubstr("process 12 on elsewhere trains here"));
  rival.join();
  ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(read_file(run_ / ".lock", 1000), HasSubstr("elsewhere"));
}

TEST_F(RunLockTest, AnOwnerThatLostTheRunIsNotifiedAndKeepsTheNewLock) {
  std::promise<std::string> lost;
  {
    const RunLock lock(run_, [&](const std::string& reason) { lost.set_value(reason); });
    lock_by_another_host(1);
    auto reason = lost.get_future();
    ASSERT_EQ(reason.wait_for(std::chrono::seconds(30)), std::future_status::ready);
    EXPECT_THAT(reason.get(), HasSubstr("process 12 on elsewhere has taken over"));
  }
  EXPECT_THAT(read_file(run_ / ".lock", 1000), HasSubstr("elsewhere"));
}

TEST_F(RunLockTest, AnIncompleteLockIsReplaced) {
  fs::create_directories(run_);
  std::ofstream(run_ / ".lock") << R"({"host":"else)";
  EXPECT_NO_THROW(RunLock(run_, fail_));
}

TEST_F(RunLockTest, APathThatCannotBeWrittenIsRefused) {
  expect_error<InputError>([&] { RunLock("/proc/run", fail_); }, HasSubstr("cannot be made"));
  std::ofstream(folder_ / "file") << "a file";
  expect_error<InputError>([&] { RunLock(folder_ / "file" / "run", fail_); },
                           HasSubstr("cannot be made"));
  expect_error<InputError>([&] { RunLock("/proc", fail_); }, HasSubstr("cannot be written"));
}

}  // namespace
}  // namespace gm
