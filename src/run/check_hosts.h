/// Checks that the hosts of the ranks work on the same files, and agree on the time.
#pragma once

#include <filesystem>

#include "comm/communicator.h"

namespace gm {

// Called by all ranks. Each InputError names the hosts, and is thrown on every rank.

/// Throws InputError unless every rank finds the lock that rank 0 holds in `run_dir`
/// (run/run_lock.h). Otherwise the run would start anew when another host becomes rank 0.
void require_shared_run_directory(const std::filesystem::path& run_dir, Communicator& ranks);

/// Throws InputError unless `packed`, the file or folder that rank 0 has prepared, exists for every
/// rank.
void require_data_on_all_hosts(const std::filesystem::path& packed, Communicator& ranks);

/// Logs a warning if the clock of a host differs from that of rank 0 by more than five seconds. gm
/// never compares the clocks of two hosts, but a reader of logs and metrics does.
void warn_of_clock_skew(Communicator& ranks);

}  // namespace gm
