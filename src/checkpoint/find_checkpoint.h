/// Finds the checkpoint to use: to resume a run, or for a program that only reads it.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "checkpoint/checkpoint_store.h"

namespace gm {

/// The newest checkpoint that can be opened and that `read` accepts; `read` throws InputError if it
/// cannot use one. Rejects newer ones with a warning that names them. nullopt if the run never made
/// a checkpoint. Throws InputError, which says what is wrong with each, if there are checkpoints
/// but none is good. Called by one rank only.
std::optional<Checkpoint> newest_good(const CheckpointStore& store,
                                      const std::function<void(const Checkpoint&)>& read);

/// A checkpoint to resume from, whose tensors were read and verified.
struct ResumePoint {
  Checkpoint checkpoint;
  CheckpointTensors tensors;
};

/// The newest_good() checkpoint whose files all match its manifest and that was made with
/// `config_hash`.
std::optional<ResumePoint> find_resume_point(const CheckpointStore& store,
                                             std::string_view config_hash);

}  // namespace gm
