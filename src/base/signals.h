/// The signals that ask a program to save and leave: SIGTERM, SIGINT and SIGUSR1, which job
/// managers send before they kill.
#pragma once

#include <optional>
#include <string>

namespace gm {

/// From now on those signals are noted instead of killing the process. A second SIGINT kills it:
/// who presses Ctrl-C twice does not want to wait.
void catch_stop_signals();

/// The signal that came first; nothing as long as none has.
std::optional<int> stop_signal();

/// As if `signal` had come to this process: another rank got it.
void note_stop_signal(int signal);

/// "SIGTERM".
std::string signal_name(int signal);

/// Throws StopRequested when a signal came. For long work of one process that loses nothing by
/// being left at any time; ranks that work together agree first (comm/stop.h).
void leave_if_asked_to_stop();

}  // namespace gm
