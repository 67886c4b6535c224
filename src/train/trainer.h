/// The training loop.
#pragma once

#include <vector>

#include "checkpoint/checkpoint_config.h"
#include "checkpoint/checkpoint_store.h"
#include "comm/watchdog.h"
#include "comm/watchdog_config.h"
#include "comm/world.h"
#include "data/loader.h"
#include "train/phase_trainer.h"
#include "train/run_directory.h"
#include "train/run_log.h"
#include "train/run_state.h"
#include "train/train_config.h"

namespace gm {

struct TrainerConfig {
  TrainConfig train;
  OptimizerConfig optimizer;
  EmaConfig ema;
  SampleConfig sample;
  CheckpointConfig checkpoint;
  WatchdogConfig watchdog;
  uint64_t seed = 0;
  std::string config_hash;  ///< Written into checkpoints.
};

/// What a trainer works with. All of it outlives the trainer.
struct TrainerParts {
  World& world;
  Watchdog& watchdog;
  Task& task;
  ImageLoader& loader;
  const RunDirectory& directory;
  RunLog& log;
};

/// Trains a task for train.steps steps. It knows phases, not models.
///
/// Invariant: one step sees train.batch_size * train.accumulate pictures, whatever the number of
/// ranks, and every rank does the same collective operations in the same order.
class Trainer {
 public:
  /// Takes over the networks' parameters (see FlatParameters). Every rank makes one.
  Trainer(const TrainerConfig& config, const TrainerParts& parts);

  /// From the first step to the last one, with samples and checkpoints on the way and at the end.
  /// Throws Error after train.max_nonfinite steps in a row that were not finite.
  void run();

  /// While it lives, the task makes its samples with the weights that sample.weights names.
  [[nodiscard]] std::unique_ptr<PhaseTrainer::UseEma> use_sample_weights();

 private:
  void train_step();
  std::vector<Batch> next_micro_batches();
  void count_nonfinite(const StepReport& report, bool finite);
  void verify_ranks();
  void save_samples();
  void save_checkpoint();
  std::string save_checkpoint_on_this_rank();
  std::map<std::string, TensorMap> checkpoint_files() const;
  PhaseTrainer& sampled_phase();
  bool due(int64_t every) const;

  TrainerConfig config_;
  TrainerParts parts_;
  std::vector<std::unique_ptr<PhaseTrainer>> phases_;
  CheckpointStore checkpoints_;
  RunState state_;
  int64_t nonfinite_in_a_row_ = 0;
};

}  // namespace gm
