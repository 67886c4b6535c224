/// The main function of every program: starts the world, runs the body, and turns failures into one
/// line and an exit status. Both are the same whether one rank fails or all.
#pragma once

#include <functional>

namespace gm {

class World;

/// Runs `body` and ends the process (base/end_process.h). The exit status is the one that `body`
/// returns, or that of the exception that escapes from it (Error::exit_status(), otherwise 1).
///
/// The reason becomes the last line on stderr: `gm_train: [rank 0] reason`. If all ranks fail in
/// the same way, it is printed once and all ranks exit normally. If only some fail, the whole world
/// is ended with that status within seconds, because the other ranks would wait in a collective
/// forever. An exception that escapes on another thread also ends the world.
///
/// The signals that ask to stop are recorded (base/signals.h). A body that has nothing to save and
/// does not check for them in time is ended with status 75 (base/stop_deadline.h).
[[noreturn]] void run_program(const std::function<int(World&)>& body);

/// The same for a program of one process without a World: runs `body`, and prints the reason of a
/// failure as `gm_data: reason`. Signals are recorded as above, but SIGPIPE ends the program.
[[noreturn]] void run_alone(const std::function<int()>& body);

}  // namespace gm
