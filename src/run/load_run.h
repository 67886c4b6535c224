/// A run as other programs than gm_train meet it: its configuration, and its model with the weights
/// of a checkpoint.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "config/run_config.h"
#include "data/image_shape.h"
#include "tasks/task.h"

namespace gm {

struct LoadedRun {
  /// Which weights of a run.
  struct Choice {
    std::string weights = "ema";    ///< Or "model".
    std::optional<int64_t> step{};  ///< The newest good checkpoint when not given.
  };

  std::string name;  ///< The directory as it was given.
  RunConfig config;
  int64_t step = 0;
  std::string data_hash = {};  ///< Of what it was trained on: training_data_hash().
  ImageShape shape;
  std::unique_ptr<Task> task;
};

/// The run in the directory `run`. `assignments` ("section.key=value") change its keys mask.*,
/// repaint.*, evaluate.* and watchdog.*, and no others. Called by all ranks, which get the same
/// checkpoint even while the run continues. Throws InputError when there is no run or no
/// checkpoint, or one of them is not right.
LoadedRun load_run(const std::string& run, const LoadedRun::Choice& choice,
                   const std::vector<std::string>& assignments, Communicator& communicator);

}  // namespace gm
