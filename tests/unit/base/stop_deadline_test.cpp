// A process that does not react to a stop signal in time is ended, unless it has work to save.
#include "base/stop_deadline.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "base/signals.h"

namespace gm {
namespace {

constexpr int kLeft = 75, kWentOn = 7;

/// Exit status of a child process that receives SIGTERM and calls `act` under a StopDeadline, then
/// `after` without it.
int status_of_stopped_child(
    const std::function<void()>& act, const std::function<void()>& after = [] {}) {
  const pid_t child = ::fork();
  if (child == 0) {
    catch_stop_signals();
    const auto leave = [](const std::string& reason) {
      ::_exit(reason == "stopped by SIGTERM; give the same command again" ? kLeft : 1);
    };
    {
      const StopDeadline stop_deadline(leave, /*patience_seconds=*/0.3);
      std::raise(SIGTERM);
      act();
    }
    after();
    ::_exit(kWentOn);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(StopDeadlineTest, EndsAProcessThatNeverReacts) {
  EXPECT_EQ(status_of_stopped_child([] {
              while (true) ::pause();
            }),
            kLeft);
}

TEST(StopDeadlineTest, WaitsForAProcessThatHasWorkToSave) {
  EXPECT_EQ(status_of_stopped_child([] {
              expect_work_to_save();
              ::sleep(1);
            }),
            kWentOn);
}

TEST(StopDeadlineTest, DoesNothingIfTheWorkEndsInTime) {
  EXPECT_EQ(status_of_stopped_child([] { ::usleep(100'000); }, [] { ::usleep(500'000); }), kWentOn);
}

}  // namespace
}  // namespace gm
