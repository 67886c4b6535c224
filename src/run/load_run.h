/// Loads a run for programs other than gm_train: its configuration, and its model with the weights
/// of a checkpoint.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "config/run_config.h"
#include "image/image_shape.h"
#include "tasks/task.h"
#include "train/train_config.h"

namespace gm {

struct LoadedRun {
  /// The weights to load.
  struct Choice {
    SampleWeights weights = SampleWeights::kEma;
    std::optional<int64_t> step{};  ///< Default: the newest intact checkpoint.
    bool best = false;              ///< The best checkpoint (checkpoint.keep_best) instead.
  };

  std::string name;  ///< The directory as it was given.
  RunConfig config;
  int64_t step = 0;
  SampleWeights weights = SampleWeights::kEma;
  std::string weights_hash = {};              ///< Of the file of the weights.
  std::string data_hash = {};                 ///< training_data_hash() of its training data.
  std::vector<std::string> class_names = {};  ///< Of the classes that it knows, if known.
  ImageShape shape;
  std::unique_ptr<Task> task;
};

/// The run in the directory `run`, with its networks on `device`. `assignments`
/// ("section.key=value") may change only the keys mask.*, sampler.*, repaint.*, evaluate.* and
/// watchdog.*. Called by all ranks, which get the same checkpoint even if the run is still
/// training. Throws InputError when the run or the checkpoint does not exist or is invalid.
LoadedRun load_run(const std::string& run, const LoadedRun::Choice& choice,
                   const std::vector<std::string>& assignments, Communicator& communicator,
                   at::Device device = at::kCPU);

}  // namespace gm
