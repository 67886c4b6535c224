/// All ranks resume from the same checkpoint.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "checkpoint/find_checkpoint.h"
#include "comm/communicator.h"

namespace gm {

/// What every rank knows of the checkpoint that its run resumes from. The tensors are on rank 0
/// alone, which may be the only one that sees the run's folder.
struct ResumedRun {
  CheckpointInfo info;
  CheckpointTensors tensors;
};

/// Rank 0 looks for the checkpoint (see find_resume_point), sets newer ones aside that it had to
/// pass over, and tells the others; nothing when there is none. Throws InputError on every rank
/// when there is no good one, when the run was trained on other images, or when the checkpoint
/// lacks one of `files`: nothing was changed then. Called by all ranks.
std::optional<ResumedRun> agree_on_checkpoint(Communicator& communicator, CheckpointStore& store,
                                              const RunIdentity& identity,
                                              const std::vector<std::string>& files = {});

}  // namespace gm
