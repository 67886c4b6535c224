/// Which configurations are those of one run: of the keys that decide what a run computes.
#pragma once

#include <string>

#include "config/run_config.h"

namespace gm {

/// Throws InputError, naming each key with both values, when `ours` may not resume the run of
/// `theirs`: of the keys that decide what a run computes, some differ.
void require_same_run(const RunConfig& theirs, const RunConfig& ours);

/// A hash of the keys that decide what a run computes from given images and starting weights, at
/// any number of ranks and in any folder.
///
/// It is the hash of identity version 1 (RunIdentity::kVersion), of the keys that differ from the
/// defaults of that version, under the names of that version. So checkpoints can be resumed after a
/// default has changed or a key has got another name. A key that is newer than the version counts
/// where it differs from its default, which has to mean what runs did without it.
std::string config_hash(const RunConfig& config);

}  // namespace gm
