/// From which of its checkpoints a run goes on.
#pragma once

#include <optional>
#include <string_view>

#include "checkpoint/checkpoint_store.h"

namespace gm {

/// A checkpoint to go on from, whose tensors were read and verified.
struct ResumePoint {
  Checkpoint checkpoint;
  CheckpointTensors tensors;
};

/// The newest checkpoint whose every file is what its manifest says and that was made with
/// `config_hash`. A newer one that is damaged is named in a warning and passed over. Nothing when
/// the run never made a checkpoint. Throws InputError, saying what is wrong with each, when there
/// are checkpoints but none is good. To be called by one rank.
std::optional<ResumePoint> find_resume_point(const CheckpointStore& store,
                                             std::string_view config_hash);

}  // namespace gm
