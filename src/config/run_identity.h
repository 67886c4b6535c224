/// Compares configurations by the keys that decide what a run computes.
#pragma once

#include <string>

#include "config/run_config.h"

namespace gm {

/// Throws InputError if `ours` must not resume the run of `theirs`, because keys that decide what a
/// run computes differ. The message names each of them with both values.
void require_same_run(const RunConfig& theirs, const RunConfig& ours);

/// A hash of the keys that decide what a run computes from given images and starting weights, with
/// any number of ranks and in any folder.
///
/// It is the hash of identity version 1 (RunIdentity::kVersion): of the keys that differ from the
/// defaults of that version, with their names in that version. So checkpoints can be resumed after
/// a default changes or a key is renamed. A key that was added later is hashed only if it differs
/// from its default. Therefore its default must mean what runs did before the key existed.
///
/// Expects that data.shards was chosen: 0 (automatic) is not a number that a run has. Throws Error.
std::string config_hash(const RunConfig& config);

}  // namespace gm
