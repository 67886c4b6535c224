// gm_sample: makes pictures with the model of a run, on one process or on all ranks of a launcher.
#include <ATen/ops/arange.h>
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <optional>

#include "base/allocator.h"
#include "base/error.h"
#include "base/kernel_set.h"
#include "base/log.h"
#include "checkpoint/checkpoint_store.h"
#include "checkpoint/weights.h"
#include "comm/on_rank_zero.h"
#include "comm/run_program.h"
#include "comm/watchdog.h"
#include "comm/world.h"
#include "config/command_line.h"
#include "data/image_grid.h"
#include "tasks/strips.h"
#include "train/sampling.h"

namespace gm {
namespace {

struct SampleCommand {
  std::string run;
  SamplingRequest request;
  uint64_t seed = 0;
  std::string weights = "ema";
  std::optional<int64_t> step;
  std::string out = "samples.png";
  std::string trajectory;
};

void declare(CLI::App& app, SampleCommand& command) {
  app.add_option("RUN", command.run, "Directory of the run whose model makes the pictures")
      ->required();
  app.add_option("--count", command.request.count, "Number of pictures")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--seed", command.seed, "Names a series of pictures; another seed, another series")
      ->capture_default_str();
  app.add_option("--out", command.out, "PNG file for the grid of pictures")->capture_default_str();
  app.add_option("--weights", command.weights,
                 "The moving average of the weights, or those of the last step")
      ->check(CLI::IsMember({"ema", "model"}))
      ->capture_default_str();
  app.add_option("--step", command.step, "Checkpoint to take; the newest when not given");
  app.add_option("--batch", command.request.batch_size, "Pictures that a rank makes at a time")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--trajectory", command.trajectory,
                 "PNG file for strips that show eight pictures on their way out of the noise");
  app.set_version_flag("--version", version_text());
}

std::filesystem::path find_checkpoint(const SampleCommand& command) {
  const CheckpointStore store(command.run);
  if (command.step) return store.folder_of(*command.step);
  const auto latest = store.latest();
  if (!latest) throw InputError("{}: the run has no checkpoint yet", command.run);
  return *latest;
}

/// Before the work, not after it.
void require_folder_of(const std::string& file) {
  const auto folder = std::filesystem::absolute(file).parent_path();
  if (!std::filesystem::is_directory(folder)) {
    throw InputError("{}: there is no folder {}; make it first", file, folder.string());
  }
}

/// From the weights themselves, since the run's data may be elsewhere by now.
int64_t picture_channels(const TensorMap& weights, const std::filesystem::path& file) {
  const auto found = weights.find("init_conv.weight");
  if (found == weights.end() || found->second.dim() != 4) {
    throw InputError("{}: no weights of a U-Net: it has no init_conv.weight", file.string());
  }
  return found->second.size(1);
}

/// A task like the run's, with the weights of the checkpoint.
std::unique_ptr<DdpmTask> load_task(const SampleCommand& command, const RunConfig& config,
                                    const Checkpoint& checkpoint) {
  const TensorMap weights = checkpoint.load(command.weights);
  const auto file = checkpoint.file(command.weights);
  const ImageShape shape{.height = config.data.image_size,
                         .width = config.data.image_size,
                         .channels = picture_channels(weights, file)};
  auto task = std::make_unique<DdpmTask>(
      DdpmTask::Options{
          .model = config.model, .diffusion = config.diffusion, .repaint = config.repaint},
      shape, static_cast<uint64_t>(config.run.seed));
  load_weights(task->sampled_network().parameter_list(), weights, file);
  task->sampled_network().weights_changed();
  log_info("{}: checkpoint of step {}, {} weights", command.run, checkpoint.info().state.step,
           command.weights);
  return task;
}

void write_trajectory(DdpmTask& task, const SampleCommand& command) {
  constexpr int64_t kStrips = 8;
  const auto strips = reverse_strips(task, at::arange(kStrips, at::kLong), command.seed);
  const auto columns = static_cast<int64_t>(strip_timesteps(task.diffusion().steps()).size());
  write_image_grid(command.trajectory, to_pixels(strips), columns);
  log_info("strips of {} pictures in {}", kStrips, command.trajectory);
}

void sample(World& world, const SampleCommand& command) {
  require_wanted_kernel_set();
  const RunConfig config = read_run_config(command.run);
  require_folder_of(command.out);
  if (!command.trajectory.empty()) require_folder_of(command.trajectory);
  Watchdog watchdog(world);
  const auto section = watchdog.section("sampling", config.watchdog.sampling_seconds);
  // One rank decides: a run that goes on may save another checkpoint between two looks.
  const std::string folder =
      text_from_rank_zero(world.communicator(), [&] { return find_checkpoint(command).string(); });
  const auto task = load_task(command, config, Checkpoint(folder));
  const auto make = [&](const at::Tensor& indices, const SamplingObserver& observer) {
    return task->sample(command.seed, indices, observer);
  };
  const at::Tensor pixels = sample_on_all_ranks(make, world.communicator(), command.request);
  on_rank_zero(world.communicator(), [&] {
    write_image_grid(command.out, pixels);
    log_info("{} pictures in {}", command.request.count, command.out);
    if (!command.trajectory.empty()) write_trajectory(*task, command);
  });
}

}  // namespace
}  // namespace gm

int main(int argc, char** argv) {
  gm::tune_allocator();
  return gm::run_program([&](gm::World& world) {
    CLI::App app("Makes pictures with the model of a run.", "gm_sample");
    gm::SampleCommand command;
    gm::declare(app, command);
    try {
      app.parse(argc, argv);
    } catch (const CLI::Success& answer) {
      return world.rank() == 0 ? app.exit(answer) : 0;
    } catch (const CLI::ParseError& error) {
      throw gm::InputError("{}; gm_sample --help lists the options", error.what());
    }
    gm::sample(world, command);
    return static_cast<int>(gm::kExitDone);
  });
}
