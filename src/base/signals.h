/// The signals that ask a program to save and stop: SIGTERM, SIGINT, SIGUSR1, SIGUSR2 and SIGXCPU,
/// which users and job managers send before they kill a process, and SIGHUP, which means that the
/// terminal is closed. SIGQUIT still ends a program immediately.
#pragma once

#include <optional>
#include <string>

namespace gm {

/// From now on these signals are recorded instead of killing the process, except those that were
/// ignored when it was started, such as SIGHUP under nohup. A second SIGINT kills the process: a
/// user who presses Ctrl-C twice does not want to wait.
void catch_stop_signals();

/// From now on a write beyond the file size limit (ulimit -f) fails, as on a full disk, instead of
/// killing the process by SIGXFSZ.
void let_large_files_fail();

/// The first signal that was received; nullopt if there was none.
std::optional<int> stop_signal();

/// Records `signal` as if this process had received it: another rank did.
void record_stop_signal(int signal);

/// "SIGTERM".
std::string signal_name(int signal);

/// The final message of a program that stops because of `signal`.
std::string stop_reason(int signal);

/// From now on the program has work that it saves before it stops.
void expect_work_to_save();
/// Whether the program may stop at any time, because it has no work to save.
bool has_nothing_to_save();

/// Throws StopRequested if a signal was received. For long work of one process that can stop at any
/// time without loss; ranks that work together must agree first (comm/stop.h).
void throw_if_stop_requested();

}  // namespace gm
