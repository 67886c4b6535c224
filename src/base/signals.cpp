#include "base/signals.h"

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>

#include "base/error.h"

namespace gm {
namespace {

constexpr int kNone = 0;
constexpr std::array kStopSignals{SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP, SIGXCPU};

// The only state that the signal handler uses. It is lock-free, so the handler may use it.
std::atomic<int> recorded = kNone;
std::atomic<bool> interrupted = false;
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

std::atomic<bool> work_to_save = false;

void record_signal(int signal) {
  int expected = kNone;
  recorded.compare_exchange_strong(expected, signal);
}

bool is_ignored(int signal) {
  struct sigaction action {};
  ::sigaction(signal, nullptr, &action);
  return action.sa_handler == SIG_IGN;
}

void handle(int signal) {
  if (signal == SIGINT && interrupted.exchange(true)) {
    std::signal(SIGINT, SIG_DFL);
    std::raise(SIGINT);
  }
  record_signal(signal);
}

}  // namespace

void catch_stop_signals() {
  struct sigaction action {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;  // interrupted reads and writes continue
  sigemptyset(&action.sa_mask);
  for (const int signal : kStopSignals) {
    if (!is_ignored(signal)) ::sigaction(signal, &action, nullptr);
  }
}

void let_large_files_fail() { std::signal(SIGXFSZ, SIG_IGN); }

std::optional<int> stop_signal() {
  const int signal = recorded;
  return signal == kNone ? std::nullopt : std::optional(signal);
}

void record_stop_signal(int signal) { record_signal(signal); }

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", signal);
}

std::string stop_reason(int signal) {
  return fmt::format("stopped by {}; give the same command again", signal_name(signal));
}

void expect_work_to_save() { work_to_save = true; }
bool has_nothing_to_save() { return !work_to_save; }

void throw_if_stop_requested() {
  if (const auto signal = stop_signal()) throw StopRequested("{}", stop_reason(*signal));
}

}  // namespace gm
