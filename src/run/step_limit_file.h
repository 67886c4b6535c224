/// What the worlds of a run tell each other about the time limit of a step: RUN/step_limit.json.
#pragma once

#include "comm/communicator.h"
#include "comm/step_limit.h"
#include "comm/watchdog_config.h"
#include "run/run_directory.h"

namespace gm {

/// The limit of the steps of a run: it follows their speed if a launcher starts the world again
/// (base/restarts.h). A file that cannot be read is only a warning. Called by all ranks.
StepLimit step_limit_of_run(const WatchdogConfig& config, const RunDirectory& directory,
                            Communicator& ranks);

/// Replaces the file. A file that cannot be written is only a warning.
void write_step_limit(const RunDirectory& directory, const StepLimit::Memory& memory);

}  // namespace gm
