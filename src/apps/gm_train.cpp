// gm_train: trains a generative model, on one process or on all ranks of a launcher.
#include <fmt/core.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/kernel_set.h"
#include "base/log.h"
#include "base/malloc_settings.h"
#include "base/output.h"
#include "base/signals.h"
#include "checkpoint/checkpoint_store.h"
#include "checkpoint/weights.h"
#include "comm/consistency.h"
#include "comm/on_rank_zero.h"
#include "comm/run_program.h"
#include "comm/stop.h"
#include "comm/watchdog.h"
#include "comm/world.h"
#include "config/command_line.h"
#include "config/run_identity.h"
#include "config/task_kinds.h"
#include "data/pack_folder_to_cache.h"
#include "data/sample_order.h"
#include "eval/sampling.h"
#include "image/image_grid.h"
#include "nn/ops/flops.h"
#include "run/broadcast_checkpoint.h"
#include "run/datasets.h"
#include "run/make_task.h"
#include "run/prepare_data.h"
#include "run/run_lock.h"
#include "run/run_log.h"
#include "run/run_table.h"
#include "run/training_hooks.h"
#include "tasks/process_images.h"
#include "telemetry/metrics.h"
#include "telemetry/metrics_server.h"
#include "train/checkpoint_file_names.h"
#include "train/trainer.h"

namespace gm {
namespace {

std::string device_row(const World& world) {
  return fmt::format("CPU, {} thread{} a rank, {} kernels", world.threads(),
                     world.threads() == 1 ? "" : "s", name_of(kernel_set()));
}

std::string network_row(const RunConfig& config, Task& task) {
  std::vector<std::string> networks;
  for (const Phase& phase : task.phases()) {
    int64_t parameters = 0;
    for (const auto& parameter : phase.network->parameters()) parameters += parameter.numel();
    networks.push_back(fmt::format("{} parameters ({})", with_thousands(parameters), phase.name));
  }
  return fmt::format("{}, dim {}: {}", config.model.kind, config.model.dim,
                     fmt::join(networks, ", "));
}

std::string task_row(const RunConfig& config) {
  const std::string masks = config.uses_masks() ? ", masks: " + config.mask.kind : "";
  return task_kind(config).summary(config) + masks;
}

void show_run(const World& world, const RunConfig& config, const ImageDataset& dataset,
              Task& task) {
  const ImageShape& shape = dataset.shape();
  const TrainConfig& train = config.train;
  const std::vector<TableRow> rows{
      {"ranks", fmt::format("{}, {} on {}", world.size(), world.local_size(), world.host())},
      {"device", device_row(world)},
      {"data", fmt::format("{}: {} images, {}x{}x{}, in {} shards", config.data.path,
                           with_thousands(dataset.size()), shape.height, shape.width,
                           shape.channels, config.data.shards)},
      {"task", task_row(config)},
      {"network", network_row(config, task)},
      {"batch", fmt::format("{} images a step = {} ranks x {} images x {} micro-batches",
                            train.images_per_step(), world.size(), train.batch_size / world.size(),
                            train.accumulate)},
      {"length", fmt::format("{} steps, {} images, {:.1f} epochs", with_thousands(train.steps),
                             with_thousands(train.steps * train.images_per_step()),
                             static_cast<double>(train.steps * train.images_per_step()) /
                                 static_cast<double>(dataset.size()))},
      {"results", fmt::format("{}: config.toml, metrics.jsonl, log.txt, samples/, checkpoints/",
                              config.run.dir)},
  };
  log_info("{}\n{}", version_text(), format_table(rows));
}

/// Loads the weights of model.weights, if set. Returns a remark about the file for the user; may be
/// empty.
std::string start_from(const std::string& path, Communicator& ranks, Network& network) {
  if (path.empty()) return "";
  Hash hash;
  const TensorMap file = load_safetensors(path, hash);
  require_same_everywhere(ranks, "the file of model.weights", hash.hex());
  const auto [weights, remark] = find_weights(network.state_list(), file, path);
  require_finite(weights, path);
  load_weights(network.state_list(), weights, path);
  network.invalidate_cache();
  return remark;
}

/// Writes the forward process of up to eight images of the dataset, and the reverse process of the
/// same number of samples, one row per image. Called by all ranks.
void draw_process(DdpmTask& task, std::shared_ptr<const ImageDataset> dataset,
                  const RunDirectory& directory, uint64_t seed, Communicator& ranks) {
  const int64_t count = std::min<int64_t>(8, dataset->size());
  LoaderOptions as_they_are;
  as_they_are.batch_size = count;
  as_they_are.shards = 1;
  const at::Tensor images = ImageLoader(std::move(dataset), as_they_are).next().images;
  const int64_t steps = task.diffusion().steps();
  const auto draw = [&](const char* name, const LabelledImages& strips) {
    on_rank_zero(ranks, [&] {
      const auto path = directory.samples_folder() / name;
      write_image_grid(path, strips, {.columns = 1});
      log_info("{}", path.string());
    });
  };
  draw("forward.png", {to_pixels(forward_process_images(task.diffusion(), images, seed)),
                       forward_process_labels(steps)});
  const auto on_their_way_out = [&](const at::Tensor& indices, const SamplingObserver& observer) {
    return reverse_process_images(task, seed, indices, observer);
  };
  draw("reverse.png",
       {gather_samples(on_their_way_out, ranks, {.count = count}), reverse_process_labels(steps)});
}

void require_device(const std::string& device) {
  if (device == "cuda") {
    throw InputError(
        "run.device = \"cuda\": this version of gm computes on CPUs; use \"cpu\" or \"auto\"");
  }
}

/// All checks that do not need the dataset. They run first, because packing it may take hours.
void check_configuration(World& world, const RunConfig& config, const RunDirectory& directory) {
  Communicator& ranks = world.communicator();
  require_same_everywhere(ranks, "the program", program_build_id());
  require_same_everywhere(ranks, "the configuration", to_toml(config));
  require_device(config.run.device);
  if (config.telemetry.port != 0)
    address_in_digits(config.telemetry.address);  // throws if it is not an address
  require_same_kernels(ranks);
  check_divisible(config.data.shards, config.train.batch_size, world.size());
  check_image_size(config.model, config.data.image_size, config.data.image_size);
  on_rank_zero(ranks, [&] {
    if (directory.holds_run()) require_same_run(read_run_config(directory.root()), config);
  });
}

/// Logs whether the program resumes a run or the run is already finished.
void log_start(const std::optional<ResumedRun>& resumed, const RunConfig& config) {
  if (!resumed) return;
  const int64_t step = resumed->info.state.step;
  if (step < config.train.steps) {
    log_info("{}: resumes after step {} of {}", config.run.dir, step, config.train.steps);
  } else {
    log_info("{}: the run is finished, with {} steps; a larger train.steps continues it",
             config.run.dir, step);
  }
}

void train(World& world, const TrainCommand& command) {
  const RunConfig& config = command.config;
  const auto seed = static_cast<uint64_t>(config.run.seed);
  const RunDirectory directory(config.run.dir);
  Communicator& ranks = world.communicator();
  Watchdog watchdog(world);

  auto start = std::make_optional(watchdog.section("start", config.watchdog.start_seconds));
  std::optional<RunLock> lock;  // held by rank 0 only
  on_rank_zero(ranks, [&] {
    lock.emplace(directory.root(),
                 [](const std::string& reason) { end_world(kExitFailure, reason); });
  });
  check_configuration(world, config, directory);
  // No time limit: packing a folder of images may take hours.
  start.emplace(watchdog.section("data preparation", 0));
  const std::string packed = prepare_data(config.data, ranks);
  const auto dataset = open_dataset(packed, config.data, Part::kTraining, ranks);
  start.emplace(watchdog.section("start", config.watchdog.start_seconds));
  check_divisible(dataset->size(), config.data.shards, config.train.batch_size, world.size());
  const auto masks = open_training_masks(config, dataset->shape());
  const auto task = make_task(config, dataset->shape(), masks, world.device());
  auto* const process = command.visualize ? &require_process(*task, "--visualize") : nullptr;
  const TrainingHooks hooks = make_training_hooks(config, packed, *task, ranks);

  CheckpointStore checkpoints(directory.root(), config.checkpoint.keep);
  const RunIdentity identity{.config_hash = config_hash(config),
                             .data_hash = training_data_hash(*dataset, masks.get())};
  require_same_everywhere(ranks, "the dataset, with the files of mask.path", identity.data_hash);
  auto resumed = agree_on_checkpoint(ranks, checkpoints, identity, checkpoint_files(*task));
  const std::string remark =
      resumed ? "" : start_from(config.model.weights, ranks, task->sampled_network());
  const RunState first = resumed ? resumed->info.state : RunState{};
  throw_if_any_rank_stopped(ranks);

  on_rank_zero(ranks, [&] {
    directory.begin(to_toml(config));
    add_log_file(directory.log());
  });
  show_run(world, config, *dataset, *task);
  if (!remark.empty()) log_info("{}", remark);
  log_start(resumed, config);

  Metrics metrics;
  metrics.serve(config.telemetry.address, config.telemetry.port, world.local_rank());
  ImageLoader loader(dataset, {.batch_size = config.train.batch_size,
                               .shards = config.data.shards,
                               .rank = world.rank(),
                               .ranks = world.size(),
                               .seed = seed,
                               .augmentation = augmentation_options(config.data),
                               .prefetch = config.data.prefetch,
                               .first_micro_batch = first.images / config.train.batch_size});
  RunLog log(directory, metrics,
             {.is_rank_zero = world.rank() == 0,
              .first_step = first.step,
              .total_steps = config.train.steps,
              .log_every_seconds = config.telemetry.log_every_seconds,
              .profile_steps = config.profile.steps,
              .count_flops = ops::flops_of});
  const ImageShape& shape = dataset->shape();
  Trainer trainer({.train = config.train,
                   .optimizer = config.optimizer,
                   .ema = config.ema,
                   .sample = config.sample,
                   .watchdog = config.watchdog,
                   .checkpoint_every = config.checkpoint.every,
                   .evaluate_every = config.evaluate.every,
                   .identity = identity,
                   .sample_shape = {shape.channels, shape.height, shape.width}},
                  {.world = world,
                   .watchdog = watchdog,
                   .task = *task,
                   .loader = loader,
                   .checkpoints = checkpoints,
                   .observer = log,
                   .sample = hooks.sample,
                   .evaluations = hooks.evaluations});
  if (resumed) trainer.resume(resumed->info, resumed->tensors);
  resumed.reset();  // frees its large tensors
  start.reset();
  expect_work_to_save();
  trainer.run();

  if (process != nullptr) {
    const auto drawing = watchdog.section("sampling", config.watchdog.sampling_seconds);
    const auto sample_weights = trainer.use_sample_weights();
    draw_process(*process, dataset, directory, seed, ranks);
  }
  const auto end = watchdog.section("end", config.watchdog.end_seconds);
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
