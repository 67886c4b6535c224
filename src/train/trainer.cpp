#include "train/trainer.h"

#include "base/error.h"
#include "checkpoint/weights.h"
#include "comm/consistency.h"
#include "comm/on_rank_zero.h"
#include "data/image_grid.h"
#include "train/sampling.h"

namespace gm {
Trainer::Trainer(const TrainerConfig& config, const TrainerParts& parts)
    : config_(config), parts_(parts), checkpoints_(parts.directory.root(), config.checkpoint.keep) {
  for (Phase& phase : parts_.task.phases()) {
    phases_.push_back(std::make_unique<PhaseTrainer>(std::move(phase), parts_.world.communicator(),
                                                     config.train, config.optimizer, config.ema));
  }
}

void Trainer::run() {
  verify_ranks();
  while (state_.step < config_.train.steps) {
    train_step();
    if (due(config_.train.verify_ranks_every)) verify_ranks();
    if (due(config_.checkpoint.every)) save_checkpoint();
    if (due(config_.sample.every)) save_samples();
  }
}

void Trainer::train_step() {
  const auto section = parts_.watchdog.section("step", config_.watchdog.step_seconds);
  LapClock clock;
  const std::vector<Batch> micro_batches = next_micro_batches();
  clock.lap("data");

  StepReport report;
  bool finite = true;
  for (auto& phase : phases_) {
    const PhaseOutcome outcome = phase->step(micro_batches, state_, clock);
    finite = finite && outcome.finite;
    report.loss += outcome.loss;
    report.loss_terms.insert(report.loss_terms.end(), outcome.loss_terms.begin(),
                             outcome.loss_terms.end());
    report.learning_rate = outcome.learning_rate;
    // The largest, or one that is no number: std::max would lose that.
    if (!(outcome.gradient_norm <= report.gradient_norm)) {
      report.gradient_norm = outcome.gradient_norm;
    }
  }
  state_.step += 1;
  state_.images += config_.train.images_per_step();

  report.step = state_.step;
  report.images = state_.images;
  report.step_images = config_.train.images_per_step();
  report.step_seconds = clock.total_seconds();
  report.part_seconds = clock.parts();
  parts_.log.step(report);
  count_nonfinite(report, finite);
}

std::vector<Batch> Trainer::next_micro_batches() {
  std::vector<Batch> micro_batches;
  for (int64_t i = 0; i < config_.train.accumulate; ++i)
    micro_batches.push_back(parts_.loader.next());
  return micro_batches;
}

void Trainer::count_nonfinite(const StepReport& report, bool finite) {
  nonfinite_in_a_row_ = finite ? 0 : nonfinite_in_a_row_ + 1;
  if (!finite) parts_.log.skipped_step(report, nonfinite_in_a_row_);
  if (nonfinite_in_a_row_ >= config_.train.max_nonfinite) {
    throw Error(
        "step {}: loss or gradient was not finite {} times in a row (train.max_nonfinite); try a "
        "lower "
        "optimizer.learning_rate, or optimizer.clip_norm",
        state_.step, nonfinite_in_a_row_);
  }
}

void Trainer::verify_ranks() {
  const auto section = parts_.watchdog.section("verification", config_.watchdog.step_seconds);
  for (const auto& phase : phases_) {
    require_equal_parameters(parts_.world.communicator(), state_.step, phase->flat().hash());
  }
}

std::unique_ptr<PhaseTrainer::UseEma> Trainer::use_sample_weights() {
  if (config_.sample.weights == "model") return nullptr;
  return std::make_unique<PhaseTrainer::UseEma>(sampled_phase());
}

/// A grid that cannot be written is a warning: a run is worth more than its pictures.
void Trainer::save_samples() {
  const auto section = parts_.watchdog.section("sampling", config_.watchdog.sampling_seconds);
  LapClock clock;
  const auto sample_weights = use_sample_weights();
  const SamplingRequest request{
      .seed = config_.seed, .count = config_.sample.count, .batch_size = config_.sample.batch_size};
  const at::Tensor pixels = sample_on_all_ranks(parts_.task, parts_.world.communicator(), request);
  clock.lap("sampling");
  on_rank_zero(parts_.world.communicator(), [&] {
    const auto path = parts_.directory.samples(state_.step);
    try {
      write_image_grid(path, pixels);
      parts_.log.sample(state_, path, clock.total_seconds());
    } catch (const Error& error) {
      parts_.log.samples_failed(state_, error.what());
    }
    return std::string();
  });
}

/// Rank 0 writes, and the others wait for it inside the same section. A failure keeps the
/// checkpoint before and the run goes on, but a run whose last weights are lost has failed.
void Trainer::save_checkpoint() {
  const auto section = parts_.watchdog.section("checkpoint", config_.watchdog.checkpoint_seconds);
  on_rank_zero(parts_.world.communicator(), [&] {
    try {
      return save_checkpoint_on_this_rank();
    } catch (const Error& error) {
      parts_.log.checkpoint_failed(state_, error.what());
      if (state_.step == config_.train.steps) throw;
      return std::string();
    }
  });
}

std::string Trainer::save_checkpoint_on_this_rank() {
  LapClock clock;
  const CheckpointInfo info{.step = state_.step,
                            .images = state_.images,
                            .updates = sampled_phase().updates(),
                            .world = parts_.world.size(),
                            .config_hash = config_.config_hash};
  const auto folder = checkpoints_.save(info, checkpoint_files());
  clock.lap("checkpoint");
  parts_.log.checkpoint(state_, folder, clock.total_seconds());
  return folder.string();
}

std::map<std::string, TensorMap> Trainer::checkpoint_files() const {
  std::map<std::string, TensorMap> files;
  for (const auto& phase : phases_) {
    const FlatParameters& flat = phase->flat();
    const std::string suffix = phases_.size() > 1 ? "_" + phase->phase().name : "";
    files["model" + suffix] = weights_of(flat.named_views(flat.parameters()));
    files["ema" + suffix] = weights_of(flat.named_views(flat.ema()));
  }
  return files;
}

PhaseTrainer& Trainer::sampled_phase() {
  for (auto& phase : phases_) {
    if (phase->phase().network == &parts_.task.sampled_network()) return *phase;
  }
  throw Error("the task samples from a network that none of its phases trains");
}

/// After this step, and always after the last one.
bool Trainer::due(int64_t every) const {
  return (every > 0 && state_.step % every == 0) || state_.step == config_.train.steps;
}

}  // namespace gm
