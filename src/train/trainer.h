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
#include "comm/step_limit.h"
#include "comm/watchdog.h"
#include "comm/watchdog_config.h"
#include "comm/world.h"
#include "data/loader.h"
#include "eval/evaluation.h"
#include "train/phase_trainer.h"
#include "train/train_config.h"
#include "train/training_observer.h"

namespace gm {

struct TrainerConfig {
  TrainConfig train;
  OptimizerConfig optimizer;
  EmaConfig ema;
  SampleConfig sample;
  WatchdogConfig watchdog;
  int64_t checkpoint_every = 1000;
  int64_t evaluate_every = 0;              ///< 0 for never.
  std::optional<RankedFigure> keep_best;   ///< The checkpoint that is best by it is kept.
  RunIdentity identity;                    ///< Written into checkpoints, like the next ones.
  std::vector<int64_t> sample_shape = {};  ///< [C,H,W] of an image.
  int64_t classes = 0;                     ///< Whose labels the run trains on.
  std::vector<std::string> class_names = {};
};

/// What a trainer uses. The objects that are referred to outlive the trainer.
struct TrainerParts {
  World& world;
  Watchdog& watchdog;
  Task& task;
  Loader& loader;
  CheckpointStore& checkpoints;
  TrainingObserver& observer;
  StepLimit step_limit;
  /// Makes samples with the current weights of the networks; may be empty. Called by all ranks
  /// together.
  std::function<Artefact()> sample;
  /// They evaluate `method`, which is the task, with its EMA weights, every evaluate_every steps.
  std::vector<std::shared_ptr<Evaluation>> evaluations = {};
  Method method = {};
};

/// Trains a task for train.steps steps. It depends on the phases of the task, not on its models.
/// Invariant: one step sees train.batch_size * train.accumulate images, for any number of ranks,
/// and every rank calls the same collective operations in the same order.
class Trainer {
 public:
  /// Takes over the parameters of the networks (see FlatParameters). Every rank creates a trainer.
  Trainer(const TrainerConfig& config, const TrainerParts& parts);

  /// Resumes from a checkpoint; the loader must start at the same step. `saved` is used on rank 0
  /// only. Called by all ranks.
  void resume(const CheckpointInfo& info, const CheckpointTensors& saved);

  /// Trains from the current step to the last step, and writes samples and checkpoints during the
  /// run and at its end.
  /// Throws StopRequested when a rank got a signal, after the last completed step is saved. Throws
  /// Error after train.max_nonfinite consecutive steps with a loss or gradient that was not finite,
  /// or when the last step could not be saved.
  void run();

  /// During its lifetime, the task makes samples with the weights that sample.weights selects.
  [[nodiscard]] std::unique_ptr<PhaseTrainer::UseEma> use_sample_weights();

 private:
  void train_to_the_end();
  void watched_step();
  void report_false_alarm();
  void throw_if_stop_requested();
  void train_step();
  std::vector<PreparedBatch> next_micro_batches(StepTimer& clock);
  void add_outcome(const PhaseTrainer& phase, const PhaseResult& outcome, StepReport& report);
  void pass_on_warning(const StepReport& report);
  void count_nonfinite(const StepReport& report, const std::vector<std::string>& skipped);
  void verify_ranks();

  bool is_missing(const std::string& kind, int64_t every);
  void save_samples();
  void evaluate(Evaluation& evaluation);
  EvaluationReport evaluation_report(Evaluation& evaluation);

  void start_checkpoint();
  void start_checkpoint_on_this_rank();
  void record_save(const std::optional<SaveOutcome>& outcome);
  void finish_checkpoint();
  void keep_if_best(const EvaluationReport& report);
  bool is_best(const BestCheckpoint& candidate) const;
  void keep_as_best(const BestCheckpoint& best);
  CheckpointInfo checkpoint_info() const;
  CheckpointTensors checkpoint_tensors() const;

  PhaseTrainer& sampled_phase();
  bool due(int64_t every) const;
  bool evaluation_is_due() const;

  TrainerConfig config_;
  TrainerParts parts_;
  std::vector<std::unique_ptr<PhaseTrainer>> phases_;
  RunState state_;

  BackgroundWriter writer_;   // used on rank 0 only
  int64_t saved_step_ = 0;    // step 0: a new run, nothing to save
  std::string save_failure_;  // error of the last save; empty if it succeeded
};

}  // namespace gm
