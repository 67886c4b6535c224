/// Trains one phase of a task: accumulates the gradients of all micro-batches and ranks, then
/// updates the weights.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/step_timer.h"
#include "checkpoint/checkpoint_store.h"
#include "comm/communicator.h"
#include "comm/gradient_reducer.h"
#include "comm/watchdog.h"
#include "tasks/task.h"
#include "telemetry/step_report.h"
#include "train/flat_parameters.h"
#include "train/train_config.h"

namespace gm {

/// The result of a step of a phase. All but `reduction` is the same on every rank.
struct PhaseResult {
  double loss = 0;  ///< Mean over micro-batches and ranks, weighted by PreparedBatch::weight.
  StepReport::Named loss_terms = {};
  double learning_rate = 0;
  double gradient_norm = 0;  ///< Of the mean gradient, before clipping.
  bool finite = true;        ///< Otherwise the weights of the phase did not change.
  Reduction reduction = {};  ///< Of the gradients.
  /// Seconds of the step so far that each rank spent on its own work, not on waiting for others.
  std::vector<double> own_seconds = {};
};

struct PhaseConfig {
  TrainConfig train;
  OptimizerConfig optimizer;
  std::optional<EmaConfig> ema;  ///< Empty: no average of the weights is kept.
  double reduction_seconds = 0;  ///< Time limit of the watchdog in seconds; 0: none.
};

class PhaseTrainer {
 public:
  /// All references outlive the trainer. `collectives` are those of the device of the network.
  PhaseTrainer(Phase phase, Communicator& communicator, Collectives& collectives,
               Watchdog& watchdog, const PhaseConfig& config);

  /// One step. Every rank calls it with its part of the same `micro_batches`. All ranks have equal
  /// weights before and after. If the loss or a gradient is not finite on any rank, no rank changes
  /// its weights. Laps of `clock`: forward_backward, reduction, optimizer.
  PhaseResult step(const std::vector<PreparedBatch>& micro_batches, const RunState& state,
                   StepTimer& clock);

  const Phase& phase() const { return phase_; }
  const FlatParameters& flat() const { return flat_; }
  /// Hash of the parameters and buffers of the network; equal on two ranks if and only if they are
  /// bitwise equal.
  std::string hash() const;
  /// Number of steps that changed the weights: the step count of Adam.
  int64_t updates() const { return updates_; }

  /// The state for a checkpoint, as views: the files "model" and, if there is an average, "ema",
  /// both with the buffers of the network, and "optimizer", where Adam's moments of a parameter are
  /// named NAME.exp_avg and NAME.exp_avg_sq.
  CheckpointTensors state() const;
  /// Restores a result of state() and the number of updates. `saved` is used on rank 0 only,
  /// `folder` in messages only. Throws InputError on every rank when the state is of another
  /// network. Called by all ranks.
  void restore(const CheckpointTensors& saved, int64_t updates, const std::string& folder);

  /// During its lifetime, the network uses the moving average of its weights. Requires
  /// PhaseConfig::ema.
  class [[nodiscard]] UseEma {
   public:
    explicit UseEma(PhaseTrainer& trainer);
    ~UseEma();
    UseEma(const UseEma&) = delete;
    UseEma& operator=(const UseEma&) = delete;

   private:
    Network& network_;
    std::unique_ptr<FlatParameters::UseEma> swap_;
  };

 private:
  std::map<std::string, NamedTensors> named_state() const;
  NamedTensors named_moments() const;
  std::vector<double> loss_scales(const std::vector<PreparedBatch>& micro_batches,
                                  StepTimer& clock);
  Reduction accumulate_gradients(const std::vector<PreparedBatch>& micro_batches, StepTimer& clock);
  void add_losses(const Losses& losses, double scale);
  void read_results(double gradient_divisor, double own_seconds, PhaseResult& outcome);
  void update_weights(const PhaseResult& outcome, const RunState& state, double gradient_divisor);

  Phase phase_;
  Communicator& communicator_;
  Collectives& collectives_;
  Watchdog& watchdog_;
  PhaseConfig config_;
  FlatParameters flat_;
  std::unique_ptr<GradientReducer> reducer_;
  int64_t updates_ = 0;
  // The losses of this rank in this step, summed over micro-batches: float64 [terms], on the
  // device.
  std::vector<std::string> loss_names_;  // "" is the total
  at::Tensor loss_sums_;
};

}  // namespace gm
