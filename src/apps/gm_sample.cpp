// gm_sample: samples images from the model of a run, or inpaints images, on one process or on all
// ranks of a launcher.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <optional>

#include "apps/command.h"
#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/output.h"
#include "comm/consistency.h"
#include "comm/on_rank_zero.h"
#include "comm/watchdog.h"
#include "comm/world.h"
#include "config/command_line.h"
#include "config/key_options.h"
#include "config/option_values.h"
#include "eval/masked_dataset.h"
#include "eval/sampling.h"
#include "image/image_grid.h"
#include "run/datasets.h"
#include "run/inpaint_input.h"
#include "run/load_run.h"
#include "run/make_task.h"
#include "run/sample_files.h"
#include "tasks/process_images.h"

namespace gm {
namespace {

constexpr int64_t kDefaultCount = 64;

/// Options that are short names of keys.
constexpr std::array kKeyOptions{
    KeyOption{"--steps", "sampler.steps"},
    KeyOption{"--sampler", "sampler.kind"},
};

struct SampleCommand {
  std::string run;
  std::vector<std::string> assignments;  ///< section.key=value
  std::vector<std::string> key_options;  ///< The same, of kKeyOptions.
  LoadedRun::Choice choice;
  std::optional<int64_t> count;
  int64_t batch_size = 64;
  uint64_t seed = 0;
  std::string inpaint;
  std::string mask;
  std::string out = "samples.png";
  std::string images;
  std::string trajectory;
};

void declare(CLI::App& app, SampleCommand& command) {
  app.add_option("RUN", command.run, "Directory of the run whose model makes the images")
      ->transform(a_path())
      ->required();
  app.add_option("KEYS", command.assignments,
                 "section.key=value for keys of sampler and watchdog and, with --inpaint, of mask "
                 "and repaint, such as sampler.steps=10");
  app.add_option("--count", command.count,
                 "Number of images; 64, or all images of --inpaint, when not given")
      ->transform(whole_number(1, 1'000'000'000));
  declare_key_options(app, kKeyOptions, command.key_options);
  app.add_option("--seed", command.seed,
                 "Seed of the random numbers; another seed gives other images")
      ->transform(whole_number(0, UINT64_MAX))
      ->capture_default_str();
  app.add_option("--inpaint", command.inpaint,
                 "Inpaint these images: a folder of JPEG and PNG files, one such file, or an "
                 "HDF5 file")
      ->transform(a_path());
  app.add_option("--mask", command.mask,
                 "The masks: a kind of mask.kind, a PNG file for all images (white is missing), or "
                 "a folder with one PNG file per image, named like the image (optionally with one "
                 "prefix or suffix that is the same for all masks), of the size of the run's "
                 "images; the masks of the run when not given")
      ->transform(a_path());
  app.add_option("--out", command.out,
                 "PNG file for the grid of images (- for stdout); with --inpaint: original, "
                 "masked, inpainted")
      ->transform(a_path())
      ->capture_default_str();
  app.add_option(
         "--images", command.images,
         "Also write each image as a separate PNG file to this folder, named like the input file")
      ->transform(a_path());
  declare_weights(app, command.choice);
  app.add_option("--batch", command.batch_size, "Images that a rank makes at a time")
      ->transform(whole_number(1, 100'000))
      ->capture_default_str();
  app.add_option("--trajectory", command.trajectory,
                 "PNG file that shows the reverse process, from noise to image, of eight images")
      ->transform(a_path());
  app.set_version_flag("--version", version_text());
}

/// Throws InputError for keys that have no effect.
void check_assignments(const SampleCommand& command) {
  for (const std::string& assignment : command.assignments) {
    if (assignment.starts_with("evaluate.")) {
      throw InputError("{}: gm_sample does not evaluate; gm_eval does", assignment);
    }
    const bool is_mask_key = assignment.starts_with("mask.") || assignment.starts_with("repaint.");
    if (is_mask_key && command.inpaint.empty()) {
      throw InputError("{} without --inpaint IMAGES: there is nothing to fill", assignment);
    }
  }
}

/// Throws InputError unless the outputs can be written without overwriting an input.
void check_files(const SampleCommand& command, const LoadedRun& run, const MaskConfig& mask) {
  std::vector<std::filesystem::path> inputs{config_file_of(run.name)};
  if (!command.inpaint.empty()) {
    require_exists("--inpaint", command.inpaint);
    inputs.emplace_back(command.inpaint);
    inputs.emplace_back(mask.path);
  }
  check_outputs({{"--out", command.out, ".png"}, {"--trajectory", command.trajectory, ".png"}},
                inputs);
  if (!command.images.empty()) require_writable_folder(command.images);
}

void check(const SampleCommand& command) {
  if (!command.mask.empty() && command.inpaint.empty()) {
    throw InputError("--mask {} without --inpaint IMAGES: there is nothing to fill", command.mask);
  }
  check_assignments(command);
  if (!command.trajectory.empty() && !command.inpaint.empty()) {
    throw InputError(
        "--trajectory shows how new images are made, which --inpaint does not do: give only one of "
        "them");
  }
}

/// Whether the user names masks, instead of using those of the run.
bool names_masks(const SampleCommand& command) {
  return !command.mask.empty() ||
         std::ranges::any_of(command.assignments, [](const std::string& assignment) {
           return assignment.starts_with("mask.path=");
         });
}

/// Number of images to make. Default with `input`: all of its images.
int64_t number_of_images(const SampleCommand& command, const std::optional<InpaintInput>& input) {
  if (!input) return command.count.value_or(kDefaultCount);
  return std::min(command.count.value_or(INT64_MAX), input->masked.size());
}

/// Called by all ranks.
void write_trajectory(DiffusionProcess& process, const SampleCommand& command, Communicator& ranks) {
  constexpr int64_t kStrips = 8;
  const auto make = [&](const at::Tensor& indices, const SamplingObserver& observer) {
    return reverse_process_images(process, {command.seed, indices}, observer);
  };
  const at::Tensor rows = gather_samples(make, ranks, {.count = kStrips});
  on_rank_zero(ranks, [&] {
    const auto labels = reverse_process_labels(process.diffusion().sampler());
    write_image_grid(command.trajectory, {rows, labels}, {.columns = 1});
    log_info("{} images at five timesteps in {}", kStrips, command.trajectory);
  });
}

/// The images and masks of --inpaint; nullopt without it. Throws InputError, before images are
/// packed, when the task cannot do what is asked. Called by all ranks.
std::optional<InpaintInput> open_input(const SampleCommand& command, const LoadedRun& run,
                                       const MaskConfig& mask, Communicator& ranks) {
  if (command.inpaint.empty()) {
    require_image_generator(*run.task, "gm_sample without --inpaint IMAGES");
    return std::nullopt;
  }
  require_inpainter(*run.task, "--inpaint").check_inpainting();
  const InpaintRequest request{.images = command.inpaint,
                               .mask = mask,
                               .names_mask = names_masks(command),
                               .seed = command.seed};
  require_another_folder(command.images, request);
  return open_inpaint_input(request, run, ranks);
}

/// Makes the images with indices, with strips of --inpaint.
ImageMaker image_maker(const LoadedRun& run, const std::optional<InpaintInput>& input,
                       uint64_t seed) {
  return [&run, &input, seed](const at::Tensor& indices, const SamplingObserver& observer) {
    if (!input) return run.task->image_generator()->sample({seed, indices}, observer);
    return inpainting_images(*run.task->inpainter(), input->masked, seed, indices, observer);
  };
}

/// The files of --images; empty without it.
std::vector<std::filesystem::path> single_files(const SampleCommand& command,
                                                const std::optional<InpaintInput>& input,
                                                const MaskConfig& mask, int64_t count) {
  if (command.images.empty()) return {};
  auto files = image_files(canonical_name(command.images), count,
                           input ? input->names : std::vector<std::string>{});
  require_other_files(files, command.images, mask.path, {command.out, command.trajectory});
  return files;
}

void sample(World& world, const SampleCommand& command) {
  check(command);
  Communicator& ranks = world.communicator();
  require_same_kernels(ranks);
  Watchdog watchdog(world);
  // No time limit: packing a folder of images may take hours.
  auto section = std::make_optional(watchdog.section("data preparation", 0));
  const LoadedRun run = load_run(
      command.run, command.choice,
      join_assignments(kKeyOptions, command.key_options, command.assignments), ranks,
      world.device());
  const MaskConfig mask = override_mask(run.config.mask, command.mask);
  check_files(command, run, mask);
  auto* const process =
      command.trajectory.empty() ? nullptr : &require_process(*run.task, "--trajectory");
  const auto input = open_input(command, run, mask, ranks);
  const DistributedRange work{.count = number_of_images(command, input),
                              .batch_size = command.batch_size};
  require_memory(work.count, run.shape, input ? kImagesInAStrip : 1);
  const auto files = single_files(command, input, mask, work.count);

  const auto begin_sampling = [&] {
    section.emplace(watchdog.section("sampling", run.config.watchdog.sampling_seconds));
  };
  // No time limit: the disk may be slow, and all ranks wait for rank 0.
  const auto begin_writing = [&] { section.emplace(watchdog.section("writing", 0)); };
  const ImageMaker make_images = image_maker(run, input, command.seed);
  const auto make = [&](const at::Tensor& indices, const SamplingObserver& observer) {
    begin_sampling();  // the time limit applies to each batch
    const at::Tensor images = make_images(indices, observer);
    begin_writing();
    return images;
  };
  const at::Tensor pixels = gather_samples(make, ranks, work, [&](const PixelBatch& batch) {
    if (!files.empty()) write_images(files, batch);
  });
  const auto write_grid = [&] {
    write_image_grid(command.out,
                     {pixels, input ? inpainting_labels() : std::vector<std::string>{}});
    log_info("{} images in {}", work.count, command.out);
  };
  // Files are written before stdout, because the reader of stdout may close it early.
  on_rank_zero(ranks, [&] {
    if (!files.empty()) log_info("each image is also in {}", command.images);
    if (!is_stdout(command.out)) write_grid();
  });
  begin_sampling();
  if (process != nullptr) write_trajectory(*process, command, ranks);
  begin_writing();
  on_rank_zero(ranks, [&] {
    if (is_stdout(command.out)) write_grid();
  });
}

}  // namespace
}  // namespace gm

int main(int argc, char** argv) {
  CLI::App app("Makes images with the model of a run, or inpaints images.", "gm_sample");
  gm::run_command(app, argc, argv, gm::declare, gm::sample);
}
