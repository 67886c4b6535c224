/// One phase of a task while it trains: gradients of all micro-batches and ranks, one update of the
/// weights.
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

/// What a phase's turn came to; the same on every rank.
struct PhaseResult {
  double loss = 0;  ///< Mean over micro-batches and ranks.
  StepReport::Named loss_terms;
  double learning_rate = 0;
  double gradient_norm = 0;  ///< Of the mean gradient, before clipping.
  bool finite = true;        ///< Otherwise the phase's weights were left as they are.
};

struct PhaseConfig {
  TrainConfig train;
  OptimizerConfig optimizer;
  std::optional<EmaConfig> ema;  ///< Without one, no average of the weights is kept.
  double reduction_seconds = 0;  ///< Limit of the watchdog; 0 for none.
};

class PhaseTrainer {
 public:
  /// `communicator` and `watchdog` outlive the trainer.
  PhaseTrainer(Phase phase, Communicator& communicator, Watchdog& watchdog,
               const PhaseConfig& config);

  /// One turn. Every rank comes here with its part of the same `micro_batches`; all ranks hold
  /// equal weights before and after. A loss or gradient that is not finite on any rank leaves the
  /// weights of all unchanged. Laps of `clock`: forward_backward, reduction, optimizer.
  PhaseResult step(const std::vector<Batch>& micro_batches, const RunState& state,
                   StepTimer& clock);

  const Phase& phase() const { return phase_; }
  const FlatParameters& flat() const { return flat_; }
  /// Hash of all that the network computes with, parameters and buffers: equal on two ranks when
  /// they are equal to the last bit.
  std::string hash() const;
  /// Steps that changed the weights: Adam's own count.
  int64_t updates() const { return updates_; }

  /// What a checkpoint keeps, as views: the files "model" (with the network's buffers), "ema" if
  /// there is an average, and "optimizer", in which Adam's moments of a parameter are NAME.exp_avg
  /// and NAME.exp_avg_sq.
  CheckpointTensors state() const;
  /// Resumes from what state() gave, at this number of updates. `saved` is rank 0's, `folder` is
  /// for messages. Throws InputError on every rank when it is of another network. Called by all
  /// ranks.
  void restore(const CheckpointTensors& saved, int64_t updates, const std::string& folder);

  /// While it lives, the network computes with the moving average of its weights. Only with
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
  void accumulate_gradients(const std::vector<Batch>& micro_batches, StepTimer& clock);
  void add_losses(const Losses& losses);
  void mean_losses(int64_t micro_batches, PhaseResult& outcome);
  void update_weights(const PhaseResult& outcome, const RunState& state, double gradient_divisor);

  Phase phase_;
  Communicator& communicator_;
  Watchdog& watchdog_;
  PhaseConfig config_;
  FlatParameters flat_;
  std::unique_ptr<GradientReducer> reducer_;
  int64_t updates_ = 0;
  std::map<std::string, double> loss_sums_;  // of this rank in this step; "" is the total
};

}  // namespace gm
