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

/// Exit status of a child in which SIGTERM has come when it calls `act`.
int status_of_stopped_child(const std::function<void()>& act) {
  const pid_t child = ::fork();
  if (child == 0) {
    catch_stop_signals();
    const auto leave = [](const std::string& reason) {
      ::_exit(reason == "stopped by SIGTERM; give the same command again" ? kLeft : 1);
    };
    const PromptStop prompt_stop(leave, /*patience_seconds=*/0.3);
    std::raise(SIGTERM);
    act();
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
  EXPECT_EQ(status_of_stopped_child([] {}), kWentOn);
}

}  // namespace
}  // namespace gm
