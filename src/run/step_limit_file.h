/// What the worlds of a run tell each other about the time limit of a step: RUN/step_limit.json.
#pragma once

#include "comm/communicator.h"
#include "comm/step_limit.h"
#include "comm/watchdog_config.h"
#include "run/run_directory.h"

namespace gm {

/// The limit that follows the speed of a run, with what its earlier worlds have learned. A file
/// that cannot be read is only a warning. Called by all ranks.
StepLimit step_limit_of_run(const WatchdogConfig& config, const RunDirectory& directory,
                            Communicator& ranks);

/// Replaces the file, except that its shortest_seconds never decreases: each rank may write what it
/// knows. A file that cannot be written is only a warning.
void write_step_limit(const RunDirectory& directory, const StepLimit::Memory& memory);

}  // namespace gm
