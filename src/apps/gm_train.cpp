// gm_train: trains a generative model, on one process or on all ranks of a launcher.
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/malloc_settings.h"
#include "base/output.h"
#include "base/signals.h"
#include "checkpoint/checkpoint_store.h"
#include "comm/consistency.h"
#include "comm/on_rank_zero.h"
#include "comm/restarts.h"
#include "comm/run_program.h"
#include "comm/step_limit.h"
#include "comm/stop.h"
#include "comm/watchdog.h"
#include "comm/world.h"
#include "config/command_line.h"
#include "config/run_identity.h"
#include "report/report.h"
#include "run/broadcast_checkpoint.h"
#include "run/check_configuration.h"
#include "run/check_hosts.h"
#include "run/discovery_file.h"
#include "run/evaluation_table.h"
#include "run/make_task.h"
#include "run/prepare_data.h"
#include "run/process_files.h"
#include "run/run_lock.h"
#include "run/run_log.h"
#include "run/run_shards.h"
#include "run/run_table.h"
#include "run/starting_weights.h"
#include "run/step_limit_file.h"
#include "run/training_data.h"
#include "run/training_hooks.h"
#include "run/training_options.h"
#include "telemetry/metrics.h"
#include "train/checkpoint_file_names.h"
#include "train/trainer.h"

namespace gm {
namespace {

/// The lock of the run, on rank 0, which all ranks see; null on the other ranks. Called by all
/// ranks.
std::unique_ptr<RunLock> lock_run(const RunDirectory& directory, Communicator& ranks) {
  std::unique_ptr<RunLock> lock;
  on_rank_zero(ranks, [&] {
    lock = std::make_unique<RunLock>(
        directory.root(), [](const std::string& reason) { end_world(kExitFailure, reason); });
  });
  require_shared_run_directory(directory.root(), ranks);
  return lock;
}

/// From here on, the directory holds the run, and messages are also in its log. Called by all
/// ranks.
void begin_directory(const RunDirectory& directory, const RunConfig& config, Communicator& ranks) {
  on_rank_zero(ranks, [&] {
    directory.begin(to_toml(config));
    add_log_file(directory.log());
  });
}

void train(World& world, const TrainCommand& command) {
  const RunDirectory directory(command.config.run.dir);
  Communicator& ranks = world.communicator();
  Watchdog watchdog(world);
  auto section =
      std::make_optional(watchdog.section("start", command.config.watchdog.start_seconds));
  require_same_program(ranks);
  const std::optional<int> restarts = restarts_so_far(ranks);
  const auto lock = lock_run(directory, ranks);
  warn_of_clock_skew(ranks);
  RunConfig config = checked_configuration(world, command.config, directory);
  const ExtractorSource extractor = extractor_of(config, world.device(), ranks);
  check_abilities(config, command.visualize, extractor, ranks);

  // No time limit: packing a folder of images may take hours.
  section.emplace(watchdog.section("data preparation", 0));
  const std::string packed = prepare_data(config.data, ranks);
  require_data_on_all_hosts(packed, ranks);
  const TrainingData data = open_training_data(packed, config, ranks);
  section.emplace(watchdog.section("start", config.watchdog.start_seconds));
  choose_shards(config, data.size, world.size());
  auto order = data.make_order(config, world);
  const auto masks = open_training_masks(config, image_shape(data));
  const auto task = make_task(config, image_shape(data), masks, world.device(), data.classes);
  const TrainingHooks hooks = make_training_hooks(config, packed, *task, extractor, ranks);

  CheckpointStore checkpoints(directory.root(), config.checkpoint.keep);
  const RunIdentity identity{.config_hash = config_hash(config),
                             .data_hash = training_data_hash(data.content_hash, masks.get())};
  require_same_everywhere(ranks, "the dataset, with the files of mask.path", identity.data_hash);
  auto resumed = agree_on_checkpoint(ranks, checkpoints, identity, checkpoint_files(*task));
  const RunState first = resumed ? resumed->info.state : RunState{};
  const std::string remark =
      resumed ? resume_message(config, first.step)
              : load_starting_weights(config.model.weights, ranks, task->sampled_network());
  throw_if_any_rank_stopped(ranks);

  begin_directory(directory, config, ranks);
  const std::vector<TableRow> rows = run_rows(world, config, data, *task, restarts);
  log_info("{}\n{}", version_text(), format_table(rows));
  if (!remark.empty()) log_info("{}", remark);
  Metrics metrics(metrics_options(config, world, first, data, watchdog, restarts.value_or(0)));
  Loader loader(std::move(order), data.make_reader(config), loader_options(config, first));
  RunLog log(directory, metrics, log_options(config, world, first));
  if (first.step < config.train.steps)
    log.started(first, restarts.value_or(0), version_text(), rows);
  Trainer trainer(trainer_config(config, identity, data),
                  {.world = world,
                   .watchdog = watchdog,
                   .task = *task,
                   .loader = loader,
                   .checkpoints = checkpoints,
                   .observer = log,
                   .step_limit = restarts ? step_limit_of_run(config.watchdog, directory, ranks)
                                          : StepLimit(config.watchdog.step_seconds),
                   .sample = hooks.sample,
                   .evaluations = hooks.evaluations,
                   .method = hooks.method});
  if (resumed) trainer.resume(resumed->info, resumed->tensors);
  resumed.reset();  // frees its large tensors
  expect_work_to_save();
  const auto endpoint =
      metrics.serve(config.telemetry.address, config.telemetry.port, world.local_rank());
  const DiscoveryFile discovery(directory, config.telemetry.discovery, world, endpoint);
  section.reset();
  trainer.run();

  section.emplace(watchdog.section("report", config.watchdog.end_seconds));
  on_rank_zero(ranks, [&] { write_report_of_run(directory.root()); });
  if (command.visualize) {
    section.emplace(watchdog.section("sampling", config.watchdog.sampling_seconds));
    const auto sample_weights = trainer.use_sample_weights();
    write_process_files(*task, data.images, directory, static_cast<uint64_t>(config.run.seed),
                        ranks);
  }
  section.emplace(watchdog.section("end", config.watchdog.end_seconds));
  ranks.barrier();
}

}  // namespace
}  // namespace gm

int main(int argc, char** argv) {
  gm::tune_allocator();
  gm::run_program([&](gm::World& world) {
    const gm::TrainCommand command = gm::parse_train_command(argc, argv);
    if (command.answer) {
      if (world.rank() == 0) gm::print(*command.answer);
    } else {
      gm::train(world, command);
    }
    return gm::kExitDone;
  });
}
