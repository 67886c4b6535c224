#include "train/phase_trainer.h"

#include <ATen/ops/tensor.h>

#include <cmath>

#include "train/adam.h"
#include "train/ema.h"
#include "train/learning_rate.h"

namespace gm {
PhaseTrainer::PhaseTrainer(Phase phase, Communicator& communicator, const TrainConfig& train,
                           const OptimizerConfig& optimizer, const EmaConfig& ema)
    : phase_(std::move(phase)),
      communicator_(communicator),
      train_(train),
      optimizer_(optimizer),
      ema_(ema),
      flat_(phase_.network->parameter_list()),
      reducer_(make_gradient_reducer(train.reducer, communicator, flat_.gradients(),
                                     flat_.gradient_slices())) {}

PhaseOutcome PhaseTrainer::step(const std::vector<Batch>& micro_batches, const RunState& state,
                                LapClock& clock) {
  accumulate_gradients(micro_batches, clock);

  PhaseOutcome outcome;
  const auto micro_batch_count = static_cast<int64_t>(micro_batches.size());
  const auto gradient_divisor = static_cast<double>(micro_batch_count * communicator_.size());
  mean_losses(micro_batch_count, outcome);
  clock.lap("reduction");

  outcome.learning_rate = learning_rate_at(optimizer_, state.step, train_.steps);
  outcome.gradient_norm = flat_.gradients().norm().item<double>() / gradient_divisor;
  outcome.finite = std::isfinite(outcome.gradient_norm) && std::isfinite(outcome.loss);
  if (outcome.finite) update_weights(outcome, state, gradient_divisor);
  clock.lap("optimizer");
  return outcome;
}

/// Afterwards the flat gradients are the sum over all micro-batches and ranks. Only the last
/// backward pass synchronises.
void PhaseTrainer::accumulate_gradients(const std::vector<Batch>& micro_batches, LapClock& clock) {
  flat_.zero_gradients();
  loss_sums_.clear();
  for (size_t i = 0; i < micro_batches.size(); ++i) {
    reducer_->begin_step(/*synchronize=*/i + 1 == micro_batches.size());
    const Losses losses = phase_.loss(micro_batches[i]);
    losses.total.backward();
    add_losses(losses);
    clock.lap("forward_backward");
    reducer_->finish();
    clock.lap("reduction");
  }
}

void PhaseTrainer::add_losses(const Losses& losses) {
  loss_sums_[""] += losses.total.item<double>();
  for (const auto& [name, term] : losses.terms) loss_sums_[name] += term.item<double>();
}

void PhaseTrainer::mean_losses(int64_t micro_batches, PhaseOutcome& outcome) {
  std::vector<double> sums;
  for (const auto& [name, sum] : loss_sums_) sums.push_back(sum);
  const at::Tensor means = at::tensor(sums, at::kDouble);
  communicator_.all_reduce_sum(means);
  means.div_(static_cast<double>(micro_batches * communicator_.size()));
  int64_t i = 0;
  for (const auto& [name, sum] : loss_sums_) {
    const double mean = means[i++].item<double>();
    if (name.empty()) {
      outcome.loss = mean;
    } else {
      outcome.loss_terms.emplace_back(name, mean);
    }
  }
}

void PhaseTrainer::update_weights(const PhaseOutcome& outcome, const RunState& state,
                                  double gradient_divisor) {
  const double clip =
      optimizer_.clip_norm > 0 ? std::max(1.0, outcome.gradient_norm / optimizer_.clip_norm) : 1.0;
  adam_update(flat_, optimizer_, outcome.learning_rate, ++updates_, gradient_divisor * clip);
  phase_.network->weights_changed();
  const double decay = ema_decay(ema_, train_.images_per_step(), state.images);
  flat_.ema().lerp_(flat_.parameters(), 1.0 - decay);
}

PhaseTrainer::UseEma::UseEma(PhaseTrainer& trainer)
    : network_(*trainer.phase_.network),
      swap_(std::make_unique<FlatParameters::UseEma>(trainer.flat_)) {
  network_.weights_changed();
}

PhaseTrainer::UseEma::~UseEma() {
  swap_.reset();
  network_.weights_changed();
}

}  // namespace gm
