// Stop signals are recorded, and the first one counts. System tests check their effect on a whole
// process.
#include "base/signals.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <functional>

#include "base/error.h"

namespace gm {
namespace {

/// The wait() status of a child process that runs `act`. Signals affect the whole process, so each
/// test needs its own.
int status_of_child(const std::function<int()>& act) {
  const pid_t child = ::fork();
  if (child == 0) {
    for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP, SIGXCPU}) {
      std::signal(signal, SIG_DFL);  // regardless of the handlers of the test program
    }
    catch_stop_signals();
    ::_exit(act());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

int exit_status_of_child(const std::function<int()>& act) {
  const int status = status_of_child(act);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(SignalsTest, NoneIsRecordedAtTheStart) {
  EXPECT_EQ(exit_status_of_child([] {
              throw_if_stop_requested();
              return stop_signal() ? 1 : 0;
            }),
            0);
}

TEST(SignalsTest, EachSignalIsRecorded) {
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP, SIGXCPU}) {
    EXPECT_EQ(exit_status_of_child([&] {
                std::raise(signal);
                return stop_signal().value_or(0);
              }),
              signal);
  }
}

TEST(SignalsTest, SignalsIgnoredAtTheStartStayIgnored) {
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP, SIGXCPU}) {
    EXPECT_EQ(exit_status_of_child([&] {
                std::signal(signal, SIG_IGN);
                catch_stop_signals();
                std::raise(signal);
                return stop_signal().value_or(0);
              }),
              0);
  }
}

TEST(SignalsTest, AWriteBeyondTheFileSizeLimitFailsWithEfbig) {
  EXPECT_EQ(exit_status_of_child([] {
              const struct rlimit none {};
              ::setrlimit(RLIMIT_FSIZE, &none);
              let_large_files_fail();
              std::FILE* file = std::tmpfile();
              const bool failed = ::write(::fileno(file), "x", 1) == -1;
              return failed ? errno : 0;
            }),
            EFBIG);
}

TEST(SignalsTest, TheFirstSignalCounts) {
  EXPECT_EQ(exit_status_of_child([] {
              std::raise(SIGUSR1);
              std::raise(SIGTERM);
              record_stop_signal(SIGINT);
              return stop_signal().value_or(0);
            }),
            SIGUSR1);
}

TEST(SignalsTest, ASecondInterruptEndsTheProcess) {
  EXPECT_EQ(exit_status_of_child([] {
              std::raise(SIGINT);
              std::raise(SIGINT);
              return 0;
            }),
            -SIGINT);
  EXPECT_EQ(exit_status_of_child([] {
              std::raise(SIGTERM);
              std::raise(SIGINT);  // the first SIGINT
              return 0;
            }),
            0);
}

TEST(SignalsTest, StopRequestedNamesTheSignal) {
  EXPECT_EQ(exit_status_of_child([] {
              record_stop_signal(SIGTERM);
              try {
                throw_if_stop_requested();
              } catch (const StopRequested& stop) {
                const bool named = std::string(stop.what()).find("SIGTERM") != std::string::npos;
                return named ? stop.exit_status() : 1;
              }
              return 2;
            }),
            kExitRetry);
}

}  // namespace
}  // namespace gm
