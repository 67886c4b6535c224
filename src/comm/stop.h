/// Stopping together: a signal to any rank stops all of them, at the same step.
#pragma once

namespace gm {

class Communicator;

/// Throws StopRequested on every rank when one of them, or several, got a signal (base/signals.h).
/// Called by all ranks, wherever all of them can leave: at every step boundary.
void throw_if_any_rank_stopped(Communicator& communicator);

}  // namespace gm
