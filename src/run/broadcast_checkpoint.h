/// All ranks resume from the same checkpoint.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "checkpoint/find_checkpoint.h"
#include "comm/communicator.h"

namespace gm {

/// The checkpoint that a run resumes from. Only rank 0 has the tensors: the run directory may not
/// be visible to other ranks.
struct ResumedRun {
  CheckpointInfo info;
  CheckpointTensors tensors;
};

/// Rank 0 finds the checkpoint (see find_resume_point), moves newer damaged ones aside, and
/// broadcasts the result; nullopt when there is no checkpoint. Throws InputError on every rank when
/// no checkpoint is intact, when the run was trained on other images, or when the checkpoint lacks
/// one of `files`; nothing is changed in these cases. Called by all ranks.
std::optional<ResumedRun> agree_on_checkpoint(Communicator& communicator, CheckpointStore& store,
                                              const RunIdentity& identity,
                                              const std::vector<std::string>& files = {});

}  // namespace gm
