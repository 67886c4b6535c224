/// The training loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/background_writer.h"
#include "checkpoint/checkpoint_config.h"
#include "checkpoint/checkpoint_store.h"
#include "comm/watchdog.h"
#include "comm/watchdog_config.h"
#include "comm/world.h"
#include "data/loader.h"
#include "train/broadcast_checkpoint.h"
#include "train/phase_trainer.h"
#include "train/run_directory.h"
#include "train/run_log.h"
#include "train/train_config.h"

namespace gm {

struct TrainerConfig {
  TrainConfig train;
  OptimizerConfig optimizer;
  EmaConfig ema;
  SampleConfig sample;
  WatchdogConfig watchdog;
  int64_t checkpoint_every = 1000;
  int64_t evaluate_every = 0;  ///< 0 for never.
  RunIdentity identity;        ///< Written into checkpoints.
};

/// What a trainer works with. All of it outlives the trainer.
struct TrainerParts {
  World& world;
  Watchdog& watchdog;
  Task& task;
  ImageLoader& loader;
  const RunDirectory& directory;
  CheckpointStore& checkpoints;
  RunLog& log;
  /// Images uint8 [n,H,W,C], and figures, by the weights that the networks have at that moment.
  /// Called by all ranks together, which get the same.
  std::function<at::Tensor()> sample;
  std::function<EvaluationReport()> evaluate = {};
};

/// Trains a task for train.steps steps. It knows phases, not models.
///
/// Invariant: one step sees train.batch_size * train.accumulate images, whatever the number of
/// ranks, and every rank does the same collective operations in the same order.
class Trainer {
 public:
  /// Takes over the networks' parameters (see FlatParameters). Every rank makes one.
  Trainer(const TrainerConfig& config, const TrainerParts& parts);

  /// Resumes where a run stopped; the loader has to start there as well. Called by all ranks.
  void resume(const ResumedRun& run);

  /// From where it stands to the last step, with samples and checkpoints on the way and at the end.
  ///
  /// Throws StopRequested when a rank got a signal, once the step that all of them have done is
  /// saved; Error after train.max_nonfinite steps in a row that were not finite, or when the last
  /// step could not be saved.
  void run();

  /// While it lives, the task makes its samples with the weights that sample.weights names.
  [[nodiscard]] std::unique_ptr<PhaseTrainer::UseEma> use_sample_weights();

 private:
  void train_to_the_end();
  void throw_if_stop_requested();
  void train_step();
  std::vector<Batch> next_micro_batches();
  void add_outcome(const PhaseTrainer& phase, const PhaseResult& outcome, StepReport& report);
  void pass_on_warning(const StepReport& report);
  void count_nonfinite(const StepReport& report, const std::vector<std::string>& skipped);
  void verify_ranks();

  bool is_missing(const char* kind, int64_t every);
  void save_samples();
  void evaluate();
  void write_samples(const at::Tensor& pixels, StepTimer& clock);

  void start_checkpoint();
  void start_checkpoint_on_this_rank();
  void record_save(const std::optional<SaveOutcome>& outcome);
  void finish_checkpoint();
  CheckpointInfo checkpoint_info() const;
  CheckpointTensors checkpoint_tensors() const;

  PhaseTrainer& sampled_phase();
  bool due(int64_t every) const;
  bool evaluation_is_due() const;

  TrainerConfig config_;
  TrainerParts parts_;
  std::vector<std::unique_ptr<PhaseTrainer>> phases_;
  RunState state_;

  BackgroundWriter writer_;   // at work on rank 0 alone
  int64_t saved_step_ = 0;    // step 0 is what a new run begins with
  std::string save_failure_;  // of the last save
};

}  // namespace gm
