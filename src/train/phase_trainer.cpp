#include "train/phase_trainer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <numeric>
#include <span>

#include "base/error.h"
#include "base/hash.h"
#include "checkpoint/weights.h"
#include "comm/on_rank_zero.h"
#include "device/transfer.h"
#include "train/adam.h"
#include "train/ema.h"
#include "train/learning_rate.h"

namespace gm {

PhaseTrainer::PhaseTrainer(Phase phase, Communicator& communicator, Collectives& collectives,
                           Watchdog& watchdog, const PhaseConfig& config)
    : phase_(std::move(phase)),
      communicator_(communicator),
      collectives_(collectives),
      watchdog_(watchdog),
      config_(config),
      flat_(phase_.network->parameter_list()),
      reducer_(make_gradient_reducer(config.train.reducer, collectives, flat_.gradients(),
                                     flat_.gradient_slices())) {
  if (config_.ema) flat_.keep_average();
}

PhaseResult PhaseTrainer::step(const std::vector<PreparedBatch>& micro_batches,
                               const RunState& state, StepTimer& clock) {
  PhaseResult outcome{.reduction = accumulate_gradients(micro_batches, clock)};
  const auto gradient_divisor =
      static_cast<double>(std::ssize(micro_batches) * communicator_.size());
  read_results(gradient_divisor, clock.seconds_without("reduction"), outcome);
  clock.lap("reduction");

  outcome.learning_rate = phase_.learning_rate_factor *
                          learning_rate_at(config_.optimizer, state.step, config_.train.steps);
  outcome.finite = std::isfinite(outcome.gradient_norm) && std::isfinite(outcome.loss);
  if (outcome.finite) update_weights(outcome, state, gradient_divisor);
  clock.lap("optimizer");
  return outcome;
}

/// Factors that turn the mean of the micro-batches' losses over all ranks into the mean over all
/// that they weigh; exactly 1 if their weights are the same integer.
std::vector<double> PhaseTrainer::loss_scales(const std::vector<PreparedBatch>& micro_batches,
                                              StepTimer& clock) {
  std::vector<double> scales;
  for (const PreparedBatch& batch : micro_batches)
    if (batch.weight) scales.push_back(*batch.weight);
  if (scales.empty()) return std::vector<double>(micro_batches.size(), 1.0);
  if (scales.size() != micro_batches.size())
    throw Error("{}: only some of the batches of a step have a weight", phase_.name);
  const double sum = std::accumulate(scales.begin(), scales.end(), 0.0);
  const auto section = watchdog_.section("reduction", config_.reduction_seconds);
  const at::Tensor total = at::tensor({sum}, at::kDouble);
  communicator_.all_reduce_sum(total);
  const double mean =
      total.item<double>() / static_cast<double>(std::ssize(scales) * communicator_.size());
  if (!(mean > 0)) throw Error("{}: the batches of a step have no weight", phase_.name);
  clock.lap("reduction");
  for (double& scale : scales) scale /= mean;
  return scales;
}

/// Afterwards the flat gradients are the sum over all micro-batches and ranks. Only the last
/// backward pass synchronizes the ranks.
Reduction PhaseTrainer::accumulate_gradients(const std::vector<PreparedBatch>& micro_batches,
                                             StepTimer& clock) {
  Reduction reduction;
  flat_.zero_gradients();
  loss_sums_.reset();
  const std::vector<double> scales = loss_scales(micro_batches, clock);
  for (size_t i = 0; i < micro_batches.size(); ++i) {
    reducer_->begin_step(/*synchronize=*/i + 1 == micro_batches.size());
    const Losses losses = phase_.loss(micro_batches[i]);
    (scales[i] == 1 ? losses.total : losses.total * scales[i]).backward();
    add_losses(losses, scales[i]);
    clock.lap("forward_backward");
    const auto section = watchdog_.section("reduction", config_.reduction_seconds);
    reduction = reducer_->finish();
    clock.lap("reduction");
  }
  return reduction;
}

/// On the device, so that the host does not wait for it.
void PhaseTrainer::add_losses(const Losses& losses, double scale) {
  loss_names_ = {""};
  std::vector<at::Tensor> values{losses.total.detach()};
  for (const auto& [name, term] : losses.terms) {
    loss_names_.push_back(name);
    values.push_back(term.detach());
  }
  const at::Tensor scaled = at::stack(values).to(at::kDouble) * scale;
  loss_sums_ = loss_sums_.defined() ? loss_sums_ + scaled : scaled;
}

/// The only time in a step of a phase that the host waits for the device. One reduction sums the
/// losses over the ranks and exchanges `own_seconds`: each rank adds to its own element.
void PhaseTrainer::read_results(double gradient_divisor, double own_seconds, PhaseResult& outcome) {
  const auto section = watchdog_.section("reduction", config_.reduction_seconds);
  const at::Tensor norm = flat_.gradients().norm().to(at::kDouble);
  const at::Tensor values = download(at::cat({loss_sums_, norm.view({1})}));
  outcome.gradient_norm = values[-1].item<double>() / gradient_divisor;  // the same on all ranks
  const at::Tensor ranks = at::zeros({communicator_.size()}, at::kDouble);
  ranks[communicator_.rank()] = own_seconds;
  const at::Tensor sums = at::cat({values.slice(0, 0, -1), ranks});
  communicator_.all_reduce_sum(sums);
  const at::Tensor means = sums / gradient_divisor;
  for (size_t i = 0; i < loss_names_.size(); ++i) {
    const double mean = means[static_cast<int64_t>(i)].item<double>();
    if (loss_names_[i].empty()) {
      outcome.loss = mean;
    } else {
      outcome.loss_terms.emplace_back(loss_names_[i], mean);
    }
  }
  const auto* end = sums.const_data_ptr<double>() + sums.numel();
  outcome.own_seconds.assign(end - communicator_.size(), end);
}

void PhaseTrainer::update_weights(const PhaseResult& outcome, const RunState& state,
                                  double gradient_divisor) {
  const double longest = config_.optimizer.clip_norm;
  const double clip = longest > 0 ? std::max(1.0, outcome.gradient_norm / longest) : 1.0;
  const int64_t samples_per_step = config_.train.samples_per_step();
  adam_update(
      flat_, config_.optimizer,
      {.learning_rate = outcome.learning_rate,
       .count = ++updates_,
       .gradient_divisor = gradient_divisor * clip,
       .ema_decay = config_.ema ? ema_decay(*config_.ema, samples_per_step, state.samples) : 0});
  phase_.network->invalidate_cache();
}

std::string PhaseTrainer::hash() const {
  Hash hash;
  hash.add(flat_.hash());
  for (const auto& [name, buffer] : phase_.network->buffer_list()) {
    const at::Tensor host = download(buffer).contiguous();
    hash.add(std::span(static_cast<const std::byte*>(host.const_data_ptr()), host.nbytes()));
  }
  return hash.hex();
}

NamedTensors PhaseTrainer::named_moments() const {
  NamedTensors moments;
  for (const auto& [name, tensor] : flat_.named_views(flat_.first_moments())) {
    moments.emplace_back(name + ".exp_avg", tensor);
  }
  for (const auto& [name, tensor] : flat_.named_views(flat_.second_moments())) {
    moments.emplace_back(name + ".exp_avg_sq", tensor);
  }
  return moments;
}

std::map<std::string, NamedTensors> PhaseTrainer::named_state() const {
  std::map<std::string, NamedTensors> files{{"model", flat_.named_views(flat_.parameters())},
                                            {"optimizer", named_moments()}};
  if (config_.ema) files["ema"] = flat_.named_views(flat_.ema());
  for (const auto& buffer : phase_.network->buffer_list()) {
    files["model"].push_back(buffer);
    if (config_.ema) files["ema"].push_back(buffer);
  }
  return files;
}

CheckpointTensors PhaseTrainer::state() const {
  CheckpointTensors tensors;
  for (const auto& [file, content] : named_state()) tensors[file] = weights_of(content);
  return tensors;
}

void PhaseTrainer::restore(const CheckpointTensors& saved, int64_t updates,
                           const std::string& folder) {
  on_rank_zero(communicator_, [&] {
    for (const auto& [file, target] : named_state()) {
      const std::string where = fmt::format("{}: {} of {}", folder, file, phase_.name);
      if (!saved.contains(file)) throw InputError("{}: missing from the checkpoint", where);
      load_weights(target, saved.at(file), where);
    }
  });
  for (const at::Tensor& flat :
       {flat_.parameters(), flat_.ema(), flat_.first_moments(), flat_.second_moments()}) {
    if (flat.defined()) collectives_.broadcast(flat, 0);
  }
  for (const auto& [name, buffer] : phase_.network->buffer_list()) {
    collectives_.broadcast(buffer, 0);
  }
  updates_ = updates;
  phase_.network->invalidate_cache();
}

PhaseTrainer::UseEma::UseEma(PhaseTrainer& trainer)
    : network_(*trainer.phase_.network),
      swap_(std::make_unique<FlatParameters::UseEma>(trainer.flat_)) {
  network_.invalidate_cache();
}

PhaseTrainer::UseEma::~UseEma() {
  swap_.reset();
  network_.invalidate_cache();
}

}  // namespace gm
