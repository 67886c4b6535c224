#include "train/trainer.h"

#include <cmath>
#include <exception>

#include "base/enum_names.h"
#include "base/error.h"
#include "base/log.h"
#include "checkpoint/weights.h"
#include "comm/consistency.h"
#include "comm/on_rank_zero.h"
#include "comm/stop.h"
#include "train/checkpoint_file_names.h"

namespace gm {

namespace {

/// How long a failed rank waits for a running save before it reports its error.
constexpr auto kSaveTimeout = std::chrono::seconds(3);

/// The larger of two norms; NaN counts as the largest.
double larger(double a, double b) { return std::isnan(a) || a > b ? a : b; }

}  // namespace

Trainer::Trainer(const TrainerConfig& config, const TrainerParts& parts)
    : config_(config), parts_(parts), writer_(parts.checkpoints) {
  for (Phase& phase : parts_.task.phases()) {
    const PhaseConfig phase_config{
        .train = config.train,
        .optimizer = config.optimizer,
        .ema = is_sampled(parts_.task, phase) ? std::optional(config.ema) : std::nullopt,
        .reduction_seconds = config.watchdog.reduction_seconds};
    phases_.push_back(std::make_unique<PhaseTrainer>(std::move(phase), parts_.world.communicator(),
                                                     parts_.world.collectives(), parts_.watchdog,
                                                     phase_config));
  }
}

void Trainer::resume(const CheckpointInfo& info, const CheckpointTensors& saved) {
  const auto section = parts_.watchdog.section("checkpoint", config_.watchdog.checkpoint_seconds);
  state_ = info.state;
  saved_step_ = state_.step;
  const std::string folder = parts_.checkpoints.folder_of(state_.step).string();
  for (auto& phase : phases_) {
    CheckpointTensors tensors;
    for (const char* file : {"model", "ema", "optimizer"}) {
      const auto found = saved.find(file + file_suffix(parts_.task, phase->phase()));
      if (found != saved.end()) tensors[file] = found->second;
    }
    const auto updates = info.updates.find(phase->phase().name);
    if (updates == info.updates.end()) {
      throw InputError("{}: the manifest has no update count for {}", folder, phase->phase().name);
    }
    phase->restore(tensors, updates->second, folder);
  }
}

void Trainer::run() {
  try {
    train_to_the_end();
  } catch (const StopRequested&) {
    start_checkpoint();
    finish_checkpoint();
    throw;
  } catch (...) {
    // Do not wait until a large checkpoint is on a slow disk before the error is reported. An
    // aborted save does not harm older checkpoints.
    if (!writer_.ends_within(kSaveTimeout)) std::terminate();  // reports the error, ends all ranks
    record_save(writer_.wait());
    throw;
  }
  finish_checkpoint();
}

void Trainer::train_to_the_end() {
  if (config_.train.verify_ranks_every > 0) verify_ranks();
  if (is_missing("sample", config_.sample.every)) save_samples();
  for (const auto& evaluation : parts_.evaluations) {
    const std::string kind = "evaluation " + evaluation->name();
    if (evaluation_is_due() && is_missing(kind, config_.evaluate_every)) evaluate(*evaluation);
  }
  while (state_.step < config_.train.steps) {
    watched_step();
    record_save(writer_.poll());
    if (config_.train.verify_ranks_every > 0 && due(config_.train.verify_ranks_every))
      verify_ranks();
    if (due(config_.checkpoint_every)) start_checkpoint();
    if (due(config_.sample.every)) save_samples();
    if (evaluation_is_due()) {
      for (const auto& evaluation : parts_.evaluations) evaluate(*evaluation);
    }
  }
}

/// With the wait for the other ranks before the step, so that one limit covers all of it.
void Trainer::watched_step() {
  StepLimit& limit = parts_.step_limit;
  const int64_t step = state_.step + 1;
  const auto section = parts_.watchdog.section("step", limit.seconds(step), limit.if_late(step));
  throw_if_stop_requested();
  train_step();
  if (limit.record(step, section.seconds())) report_false_alarm();
}

void Trainer::report_false_alarm() {
  const StepLimit& limit = parts_.step_limit;
  parts_.observer.warning(
      state_, fmt::format("the step is slow, and an earlier world was ended in it for no other "
                          "reason; from now on, a step may take at least {:g} s",
                          limit.memory().shortest_seconds));
  if (parts_.world.rank() == 0) limit.keep(limit.memory());
}

/// The watchdog also detects a rank that does not reach this point.
void Trainer::throw_if_stop_requested() {
  const auto section = parts_.watchdog.section("reduction", config_.watchdog.reduction_seconds);
  throw_if_any_rank_stopped(parts_.world.communicator());
}

void Trainer::train_step() {
  StepTimer clock;
  const std::vector<PreparedBatch> micro_batches = next_micro_batches(clock);

  StepReport report;
  std::vector<std::string> skipped;  // phases that changed no weights
  for (auto& phase : phases_) {
    const PhaseResult outcome = phase->step(micro_batches, state_, clock);
    if (!outcome.finite) skipped.push_back(phase->phase().name);
    add_outcome(*phase, outcome, report);
  }
  state_.step += 1;
  state_.samples += config_.train.samples_per_step();

  report.step = state_.step;
  report.samples = state_.samples;
  report.step_samples = config_.train.samples_per_step();
  report.step_seconds = clock.total_seconds();
  report.part_seconds = clock.parts();
  parts_.observer.step(report);
  count_nonfinite(report, skipped);
  pass_on_warning(report);
}

/// The loss and learning rate of a step are those of the network that generates the images. The
/// loss of another phase is reported as a separate term.
void Trainer::add_outcome(const PhaseTrainer& phase, const PhaseResult& outcome,
                          StepReport& report) {
  if (is_sampled(parts_.task, phase.phase())) {
    report.loss = outcome.loss;
    report.learning_rate = outcome.learning_rate;
  } else {
    report.loss_terms.emplace_back(phase.phase().name, outcome.loss);
  }
  report.loss_terms.insert(report.loss_terms.end(), outcome.loss_terms.begin(),
                           outcome.loss_terms.end());
  report.gradient_norm = larger(report.gradient_norm, outcome.gradient_norm);
  report.allreduce_bytes += outcome.reduction.bytes;
  report.allreduce_seconds += outcome.reduction.seconds;
  // The times of the last phase are those of the whole step.
  if (parts_.world.size() > 1) report.slowest = slowest_rank(outcome.own_seconds);
}

void Trainer::pass_on_warning(const StepReport& report) {
  const std::string text =
      parts_.task.warning({report.loss_terms.begin(), report.loss_terms.end()});
  if (!text.empty()) parts_.observer.warning(state_, text);
}

std::vector<PreparedBatch> Trainer::next_micro_batches(StepTimer& clock) {
  const auto section = parts_.watchdog.section("data", config_.watchdog.data_seconds);
  std::vector<PreparedBatch> micro_batches;
  for (int64_t i = 0; i < config_.train.accumulate; ++i) {
    const Batch batch = parts_.loader.next();
    clock.lap("data");
    micro_batches.push_back(parts_.task.prepare(batch));
    clock.lap("forward_backward");
  }
  return micro_batches;
}

void Trainer::count_nonfinite(const StepReport& report, const std::vector<std::string>& skipped) {
  int64_t& in_a_row = state_.nonfinite_in_a_row;
  in_a_row = skipped.empty() ? 0 : in_a_row + 1;
  if (!skipped.empty()) parts_.observer.skipped_step(report, skipped, in_a_row);
  if (in_a_row >= config_.train.max_nonfinite) {
    throw Error(
        "step {}: loss or gradient was not finite {} times in a row (train.max_nonfinite); try a "
        "lower optimizer.learning_rate, or optimizer.clip_norm",
        state_.step, in_a_row);
  }
}

void Trainer::verify_ranks() {
  const auto section = parts_.watchdog.section("verification", config_.watchdog.step_seconds);
  for (const auto& phase : phases_) {
    require_equal_parameters(parts_.world.communicator(), state_.step, phase->hash());
  }
}

std::unique_ptr<PhaseTrainer::UseEma> Trainer::use_sample_weights() {
  if (config_.sample.weights == SampleWeights::kModel) return nullptr;
  return std::make_unique<PhaseTrainer::UseEma>(sampled_phase());
}

/// Whether the output of `kind` is missing for the current step: the run was stopped or killed
/// after the checkpoint of this step and before that output.
bool Trainer::is_missing(const std::string& kind, int64_t every) {
  if (state_.step == 0 || !due(every)) return false;
  const std::string answer = text_from_rank_zero(parts_.world.communicator(), [&] {
    return std::string(parts_.observer.has_first(kind) ? "no" : "yes");
  });
  return answer == "yes";
}

bool Trainer::evaluation_is_due() const {
  return config_.evaluate_every > 0 && due(config_.evaluate_every);
}

/// Called by all ranks together. A stop request makes all of them throw.
void Trainer::save_samples() {
  if (!parts_.sample) return;
  parts_.step_limit.pause();
  const auto section = parts_.watchdog.section("sampling", config_.watchdog.sampling_seconds);
  StepTimer clock;
  const auto sample_weights = use_sample_weights();
  const Artefact samples = parts_.sample();
  clock.lap("sampling");
  on_rank_zero(parts_.world.communicator(),
               [&] { parts_.observer.samples(state_, samples, clock.total_seconds()); });
}

/// The report comes last: if the process is killed before, the evaluation is repeated when the run
/// resumes, and the best checkpoint is not missed.
void Trainer::evaluate(Evaluation& evaluation) {
  parts_.step_limit.pause();
  StepTimer clock;
  const EvaluationReport report = evaluation_report(evaluation);
  clock.lap("evaluation");
  if (config_.keep_best) keep_if_best(report);
  parts_.observer.evaluation(state_, report, clock.total_seconds());
}

/// The time limit is that of a batch.
EvaluationReport Trainer::evaluation_report(Evaluation& evaluation) {
  std::optional<Watchdog::Section> section;
  const auto begin_batch = [&] {
    section.emplace(parts_.watchdog.section("evaluation", config_.watchdog.evaluation_seconds));
  };
  begin_batch();
  const std::string weights = name_of(SampleWeights::kEma);
  const std::string hash = hash_of_weights(sampled_phase().state().at(weights));
  const PhaseTrainer::UseEma average(sampled_phase());
  EvaluationReport report = evaluation.run(parts_.method, {.begin_batch = begin_batch});
  report.weights = {{"weights", weights}, {"weights_hash", hash}};
  return report;
}

/// Rank 0 copies the state and writes it in the background while all ranks continue. If the
/// previous save is not done yet, all ranks wait for it in this watchdog section.
void Trainer::start_checkpoint() {
  parts_.step_limit.pause();
  const auto section = parts_.watchdog.section("checkpoint", config_.watchdog.checkpoint_seconds);
  on_rank_zero(parts_.world.communicator(), [&] { start_checkpoint_on_this_rank(); });
}

void Trainer::start_checkpoint_on_this_rank() {
  record_save(writer_.wait());
  if (state_.step == saved_step_) return;
  parts_.observer.sync();
  writer_.start(checkpoint_info(), checkpoint_tensors(),
                std::make_shared<Watchdog::Section>(
                    parts_.watchdog.section("checkpoint", config_.watchdog.checkpoint_seconds)));
}

/// After a failed save, the earlier checkpoints remain and the run continues.
void Trainer::record_save(const std::optional<SaveOutcome>& outcome) {
  if (!outcome) return;
  save_failure_ = outcome->failure;
  if (outcome->failure.empty()) saved_step_ = outcome->info.state.step;
  parts_.observer.checkpoint(*outcome);
}

/// Waits until this step is saved. If the last weights cannot be saved, the run has failed.
void Trainer::finish_checkpoint() {
  const auto section = parts_.watchdog.section("checkpoint", config_.watchdog.checkpoint_seconds);
  on_rank_zero(parts_.world.communicator(), [&] {
    record_save(writer_.wait());
    if (saved_step_ != state_.step) {
      throw Error("step {} could not be saved: {}", state_.step, save_failure_);
    }
  });
}

/// Called by all ranks. If the step is the best so far, it is saved, and all ranks wait for that.
void Trainer::keep_if_best(const EvaluationReport& report) {
  const auto value = find_figure(report.figures, config_.keep_best->name);
  if (!value) return;
  const BestCheckpoint candidate{.step = state_.step,
                                 .figure = config_.keep_best->name,
                                 .value = *value,
                                 .provenance_hash = provenance_hash(report)};
  const auto section = parts_.watchdog.section("checkpoint", config_.watchdog.checkpoint_seconds);
  on_rank_zero(parts_.world.communicator(), [&] {
    if (is_best(candidate)) keep_as_best(candidate);
  });
}

bool Trainer::is_best(const BestCheckpoint& candidate) const {
  if (!std::isfinite(candidate.value)) return false;
  const auto best = parts_.checkpoints.best();
  if (!best || best->figure != candidate.figure) return true;
  if (best->provenance_hash != candidate.provenance_hash) {
    log_info("step {}: the evaluation has changed, so {} is not compared with that of step {}",
             candidate.step, candidate.figure, best->step);
    return true;
  }
  return config_.keep_best->higher_is_better ? candidate.value > best->value
                                             : candidate.value < best->value;
}

/// As after a failed save, the run continues if the disk fails.
void Trainer::keep_as_best(const BestCheckpoint& best) {
  start_checkpoint_on_this_rank();
  record_save(writer_.wait());
  if (saved_step_ != state_.step) return;
  try {
    parts_.checkpoints.mark_best(best);
    log_info("step {}: the best checkpoint so far by {}, {:.4g}", best.step, best.figure,
             best.value);
  } catch (const Error& error) {
    log_warning("step {}: the best checkpoint so far, but it cannot be marked: {}", best.step,
                error.what());
  }
}

CheckpointInfo Trainer::checkpoint_info() const {
  CheckpointInfo info{.state = state_,
                      .world = parts_.world.size(),
                      .identity = config_.identity,
                      .sample_shape = config_.sample_shape,
                      .classes = config_.classes,
                      .class_names = config_.class_names};
  for (const auto& phase : phases_) info.updates[phase->phase().name] = phase->updates();
  return info;
}

CheckpointTensors Trainer::checkpoint_tensors() const {
  CheckpointTensors tensors;
  for (const auto& phase : phases_) {
    for (auto& [file, content] : phase->state())
      tensors[file + file_suffix(parts_.task, phase->phase())] = content;
  }
  return tensors;
}

PhaseTrainer& Trainer::sampled_phase() {
  for (auto& phase : phases_) {
    if (is_sampled(parts_.task, phase->phase())) return *phase;
  }
  throw Error("the task samples from a network that none of its phases trains");
}

/// True every `every` steps, and always after the last step.
bool Trainer::due(int64_t every) const {
  return (every > 0 && state_.step % every == 0) || state_.step == config_.train.steps;
}

}  // namespace gm
