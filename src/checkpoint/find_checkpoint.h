/// Which of a run's checkpoints is used: to resume it, or by a program that only reads it.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "checkpoint/checkpoint_store.h"

namespace gm {

/// The newest checkpoint that can be opened and that `read` takes: it throws InputError when it
/// cannot use it. A newer one that is damaged is named in a warning and rejected. Nothing when
/// the run never made a checkpoint. Throws InputError, saying what is wrong with each, when there
/// are checkpoints but none is good. To be called by one rank.
std::optional<Checkpoint> newest_good(const CheckpointStore& store,
                                      const std::function<void(const Checkpoint&)>& read);

/// A checkpoint to resume from, whose tensors were read and verified.
struct ResumePoint {
  Checkpoint checkpoint;
  CheckpointTensors tensors;
};

/// The newest_good() whose every file is what its manifest says and that was made with
/// `config_hash`.
std::optional<ResumePoint> find_resume_point(const CheckpointStore& store,
                                             std::string_view config_hash);

}  // namespace gm
