// gm_sample: makes pictures with the model of a run, or fills holes in pictures, on one process or
// on all ranks of a launcher.
#include <ATen/ops/arange.h>
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <optional>

#include "base/allocator.h"
#include "base/error.h"
#include "base/files.h"
#include "base/kernel_set.h"
#include "base/log.h"
#include "comm/on_rank_zero.h"
#include "comm/run_program.h"
#include "comm/watchdog.h"
#include "comm/world.h"
#include "config/command_line.h"
#include "data/image_grid.h"
#include "eval/holed_pictures.h"
#include "run/open_data.h"
#include "run/trained_run.h"
#include "tasks/strips.h"
#include "train/sampling.h"

namespace gm {
namespace {

struct SampleCommand {
  std::string run;
  std::vector<std::string> assignments;
  TrainedRun::Choice choice;
  SamplingRequest request;
  uint64_t seed = 0;
  std::string inpaint;
  std::string mask;
  std::string out = "samples.png";
  std::string pictures;
  std::string trajectory;
};

void declare(CLI::App& app, SampleCommand& command) {
  app.add_option("RUN", command.run, "Directory of the run whose model makes the pictures")
      ->required();
  app.add_option("KEYS", command.assignments,
                 "section.key=value for keys of mask and repaint, such as mask.coverage_max=0.3");
  app.add_option("--count", command.request.count, "Number of pictures")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--seed", command.seed, "Names a series of pictures; another seed, another series")
      ->capture_default_str();
  app.add_option("--inpaint", command.inpaint,
                 "Fill holes in these pictures: a folder of JPEG and PNG files, or an HDF5 file");
  app.add_option("--mask", command.mask,
                 "The holes: a kind of mask.kind, or a PNG file or a folder of them (white is "
                 "missing); the run's own kind when not given");
  app.add_option("--out", command.out,
                 "PNG file for the grid of pictures; with --inpaint: whole, with the hole, filled")
      ->capture_default_str();
  app.add_option("--pictures", command.pictures,
                 "Also write each picture as a PNG file of its own into this folder");
  app.add_option("--weights", command.choice.weights,
                 "The moving average of the weights, or those of the last step")
      ->check(CLI::IsMember({"ema", "model"}))
      ->capture_default_str();
  app.add_option("--step", command.choice.step, "Checkpoint to take; the newest when not given");
  app.add_option("--batch", command.request.batch_size, "Pictures that a rank makes at a time")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--trajectory", command.trajectory,
                 "PNG file for strips that show eight pictures on their way out of the noise");
  app.set_version_flag("--version", version_text());
}

void check(const SampleCommand& command) {
  require_folder_of(command.out);
  if (!command.pictures.empty()) require_folder_of(command.pictures);
  if (!command.trajectory.empty()) require_folder_of(command.trajectory);
  if (!command.mask.empty() && command.inpaint.empty()) {
    throw InputError("--mask {} without --inpaint PICTURES: there is nothing to fill",
                     command.mask);
  }
  if (!command.trajectory.empty() && !command.inpaint.empty()) {
    throw InputError("--trajectory shows new pictures, --inpaint fills holes: give one of them");
  }
}

/// The last square of each picture: of strips, the filled one.
at::Tensor squares(const at::Tensor& pixels) {
  return pixels.narrow(2, pixels.size(2) - pixels.size(1), pixels.size(1)).contiguous();
}

void write_pictures(const std::filesystem::path& folder, const at::Tensor& pixels) {
  std::filesystem::create_directory(folder);
  const at::Tensor pictures = squares(pixels);
  for (int64_t i = 0; i < pictures.size(0); ++i) {
    write_picture(folder / fmt::format("{:05d}.png", i), pictures[i]);
  }
}

void write_trajectory(DdpmTask& task, const SampleCommand& command) {
  constexpr int64_t kStrips = 8;
  const auto strips = reverse_strips(task, at::arange(kStrips, at::kLong), command.seed);
  const auto columns = static_cast<int64_t>(strip_timesteps(task.diffusion().steps()).size());
  write_image_grid(command.trajectory, to_pixels(strips), columns);
  log_info("strips of {} pictures in {}", kStrips, command.trajectory);
}

void sample(World& world, SampleCommand command) {
  require_wanted_kernel_set();
  check(command);
  Communicator& ranks = world.communicator();
  Watchdog watchdog(world);
  // How long packing a folder of pictures takes is not ours to bound.
  auto section = std::make_optional(watchdog.section("data preparation", 0));
  const TrainedRun run = open_trained_run(command.run, command.choice, command.assignments, ranks);
  Task& task = *run.task;
  auto* const process =
      command.trajectory.empty() ? nullptr : &require_process(task, "--trajectory");

  std::optional<HoledPictures> holed;
  if (!command.inpaint.empty()) {
    task.check_inpainting();
    holed.emplace(open_pictures(run, {.path = command.inpaint, .part = "all"}, ranks),
                  with_holes(run.config.mask, command.mask), command.seed);
    command.request.count = std::min(command.request.count, holed->size());
  }
  const auto make = [&](const at::Tensor& indices, const SamplingObserver& observer) {
    if (!holed) return task.sample(command.seed, indices, observer);
    return filling_strips(task, *holed, command.seed, indices, observer);
  };

  section.emplace(watchdog.section("sampling", run.config.watchdog.sampling_seconds));
  const at::Tensor pixels = sample_on_all_ranks(make, ranks, command.request);
  on_rank_zero(ranks, [&] {
    write_image_grid(command.out, pixels);
    log_info("{} pictures in {}", command.request.count, command.out);
    if (!command.pictures.empty()) write_pictures(command.pictures, pixels);
    if (process != nullptr) write_trajectory(*process, command);
  });
}

}  // namespace
}  // namespace gm

int main(int argc, char** argv) {
  gm::tune_allocator();
  return gm::run_program([&](gm::World& world) {
    CLI::App app("Makes pictures with the model of a run, or fills holes in pictures.",
                 "gm_sample");
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
