// A program that does not look for signals is ended, unless it has something to save.
#include "base/prompt_stop.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "base/signals.h"

namespace gm {
namespace {

constexpr int kLeft = 75, kWentOn = 7;

/// Exit status of a child in which SIGTERM has come when it calls `act`, and then, not watched any
/// more, `after`.
int status_of_stopped_child(
    const std::function<void()>& act, const std::function<void()>& after = [] {}) {
  const pid_t child = ::fork();
  if (child == 0) {
    catch_stop_signals();
    const auto leave = [](const std::string& reason) {
      ::_exit(reason == "stopped by SIGTERM; give the same command again" ? kLeft : 1);
    };
    {
      const PromptStop prompt_stop(leave, /*patience_seconds=*/0.3);
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

TEST(PromptStopTest, EndsWhatWaitsForEver) {
  EXPECT_EQ(status_of_stopped_child([] {
              while (true) ::pause();
            }),
            kLeft);
}

TEST(PromptStopTest, LetsWhoHasWorkToSaveSaveIt) {
  EXPECT_EQ(status_of_stopped_child([] {
              expect_work_to_save();
              ::sleep(1);
            }),
            kWentOn);
}

TEST(PromptStopTest, IsNoHindranceToWhoLeavesInTime) {
  EXPECT_EQ(status_of_stopped_child([] { ::usleep(100'000); }, [] { ::usleep(500'000); }), kWentOn);
}

}  // namespace
}  // namespace gm
