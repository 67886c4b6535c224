/// The signals that ask a program to save and leave: SIGTERM, SIGINT, SIGUSR1, SIGUSR2 and SIGXCPU,
/// which people and job managers send before they kill, and SIGHUP, which tells that the terminal
/// is gone. SIGQUIT stays what ends a program at once.
#pragma once

#include <optional>
#include <string>

namespace gm {

/// From now on those signals are noted instead of killing the process, but for those that were
/// ignored when it was started, as SIGHUP is under nohup. A second SIGINT kills it: who presses
/// Ctrl-C twice does not want to wait.
void catch_stop_signals();

/// From now on a file that outgrows the limit of the shell (ulimit -f) is a write that fails, as on
/// a full disk, instead of a death by SIGXFSZ.
void let_large_files_fail();

/// The signal that came first; nothing as long as none has.
std::optional<int> stop_signal();

/// As if `signal` had come to this process: another rank got it.
void note_stop_signal(int signal);

/// "SIGTERM".
std::string signal_name(int signal);

/// The last words of a program that leaves because of `signal`.
std::string stop_reason(int signal);

/// From now on the program has something that it saves before it leaves.
void expect_work_to_save();
/// Whether it may leave at any time, since it has not.
bool has_nothing_to_save();

/// Throws StopRequested when a signal came. For long work of one process that loses nothing by
/// being left at any time; ranks that work together agree first (comm/stop.h).
void throw_if_stop_requested();

}  // namespace gm
