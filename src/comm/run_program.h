/// The frame around every program: starts the world, runs the body, turns failures into one line
/// and an exit status that are the same whether one rank fails or all.
#pragma once

#include <functional>

namespace gm {

class World;

/// Runs `body` and returns the exit status for main() to return: that of the body, or that of the
/// exception which escaped (Error::exit_status(), otherwise 1).
///
/// The reason becomes the last line on stderr: `gm_train: [rank 0] reason`. When every rank fails
/// alike it is printed once and all ranks leave in good order; when only some do, the whole world
/// is ended with that status within seconds, because the others would wait in a collective for
/// ever. An exception that escapes on another thread ends the world as well.
///
/// From here on the signals that ask to stop are noted (base/signals.h). A body that has nothing to
/// save and does not look at them in time is ended all the same (base/prompt_stop.h), with status
/// 75.
int run_program(const std::function<int(World&)>& body);

/// The same for a program of one process, which knows no world: runs `body`, and says what
/// escapes from it as `gm_data: reason`. Signals are noted as above, but SIGPIPE ends it.
int run_alone(const std::function<int()>& body);

}  // namespace gm
