/// Stopping together: a signal to any rank stops all of them, at the same step.
#pragma once

namespace gm {

class Communicator;

/// Throws StopRequested on every rank if at least one of them received a signal (base/signals.h).
/// Called by all ranks, wherever all of them can stop: at every step boundary.
void throw_if_any_rank_stopped(Communicator& communicator);

}  // namespace gm
