/// data.shards of a run: chosen when the run starts, and kept when it is resumed.
#pragma once

#include <cstdint>

#include "comm/communicator.h"
#include "config/run_config.h"
#include "run/run_directory.h"

namespace gm {

/// If data.shards is automatic (0) and `directory` holds a run: takes the number of that run, so
/// that the command that started a run also resumes it, on any number of ranks that divides the
/// shards, and if an older gm with another default started it. Rank 0 reads the directory, which
/// other nodes may not see. Called by all ranks. Throws InputError when config.toml is invalid.
void keep_shards_of_run(RunConfig& config, const RunDirectory& directory, Communicator& ranks);

/// If data.shards is still automatic: chooses the number of a new run (automatic_shards()). From
/// then on `config` is what the run is recorded and identified by.
void choose_shards(RunConfig& config, int64_t dataset_size, int ranks);

}  // namespace gm
