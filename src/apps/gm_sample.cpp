// gm_sample: samples images from the model of a run, or inpaints images, on one process or on all
// ranks of a launcher.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "apps/command.h"
#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/output.h"
#include "base/signals.h"
#include "comm/consistency.h"
#include "comm/on_rank_zero.h"
#include "comm/watchdog.h"
#include "comm/world.h"
#include "config/command_line.h"
#include "config/key_options.h"
#include "config/option_values.h"
#include "config/toml.h"
#include "eval/masked_dataset.h"
#include "eval/sampling.h"
#include "image/image_grid.h"
#include "run/datasets.h"
#include "run/inpaint_input.h"
#include "run/load_run.h"
#include "run/make_task.h"
#include "run/sample_outputs.h"
#include "run/sample_series.h"
#include "run/sample_settings.h"
#include "tasks/process_images.h"

namespace gm {
namespace {

/// Options that are short names of keys.
constexpr std::array kKeyOptions{
    KeyOption{"--steps", "sampler.steps"},
    KeyOption{"--sampler", "sampler.kind"},
    KeyOption{"--class", "sampler.class"},
    KeyOption{"--guidance", "sampler.guidance"},
};

struct SampleCommand {
  std::string run;
  std::vector<std::string> assignments;  ///< section.key=value
  std::vector<std::string> key_options;  ///< The same, of kKeyOptions.
  LoadedRun::Choice choice;
  SampleSeries series;
  int64_t batch_size = 64;
  std::string inpaint;
  std::string mask;
  std::string out = "samples.png";
  std::string images;
  std::string trajectory;
};

void declare_series(CLI::App& app, SampleSeries& series) {
  app.add_option("--count", series.count,
                 "Number of images; 64, or all images of --inpaint, when not given. With "
                 "--interpolate: number of images in a row, 9 when not given")
      ->transform(whole_number(1, 1'000'000'000));
  app.add_option("--seed", series.seed,
                 "Seed of the random numbers; another seed gives other images")
      ->transform(whole_number(0, UINT64_MAX))
      ->capture_default_str();
  app.add_option("--interpolate", series.toward,
                 "Another seed: make rows of images between the images of --seed and those of this "
                 "seed, by spherical interpolation of the noise that they are made of")
      ->transform(whole_number(0, UINT64_MAX));
  app.add_option("--rows", series.rows, "Number of rows of --interpolate; 1 when not given")
      ->transform(whole_number(1, 1'000'000));
}

void declare_inpainting(CLI::App& app, SampleCommand& command) {
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
}

void declare_outputs(CLI::App& app, SampleCommand& command) {
  app.add_option(
         "--out", command.out,
         "PNG file for a grid of the images (- for stdout; with --inpaint: original, masked, "
         "inpainted), or HDF5 file (.h5) for all images, as gm_data packs them. An HDF5 file "
         "that was not finished is resumed")
      ->transform(a_path())
      ->capture_default_str();
  app.add_option(
         "--images", command.images,
         "Also write each image as a separate PNG file to this folder, named like the input file. "
         "Images that the folder has from an earlier start of the same command are not made again")
      ->transform(a_path());
  app.add_option(
         "--trajectory", command.trajectory,
         "PNG file that shows the reverse process, from noise to image, of the first eight images, "
         "and beneath each noisy image the clean image that the model expects")
      ->transform(a_path());
}

void declare(CLI::App& app, SampleCommand& command) {
  app.add_option("RUN", command.run, "Directory of the run whose model makes the images")
      ->transform(a_path())
      ->required();
  app.add_option("KEYS", command.assignments,
                 "section.key=value for keys of sampler and watchdog and, with --inpaint, of mask "
                 "and repaint, such as sampler.steps=10");
  declare_series(app, command.series);
  declare_key_options(app, kKeyOptions, command.key_options);
  declare_inpainting(app, command);
  declare_outputs(app, command);
  declare_weights(app, command.choice);
  app.add_option("--batch", command.batch_size, "Images that a rank makes at a time")
      ->transform(whole_number(1, 100'000))
      ->capture_default_str();
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
  check_outputs({{"--out", command.out, {".png", ".h5", ".hdf5"}},
                 {"--trajectory", command.trajectory, {".png"}}},
                inputs);
  if (!command.images.empty()) require_writable_folder(command.images);
}

void check(const SampleCommand& command) {
  check_series(command.series, !command.inpaint.empty());
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
           return parse_override(assignment).key == "mask.path";
         });
}

/// Number of images to make. Default with `input`: all of its images.
int64_t number_of_images(const SampleSeries& series, const std::optional<InpaintInput>& input) {
  if (!input) return images_in(series);
  return std::min(series.count.value_or(INT64_MAX), input->masked.size());
}

/// Called by all ranks.
void write_trajectory(DiffusionProcess& process, const SampleCommand& command,
                      Communicator& ranks) {
  const int64_t strips = std::min<int64_t>(8, images_in(command.series));
  const auto make = [&](const at::Tensor& indices, const SamplingObserver& observer) {
    return reverse_process_images(process, request_for(command.series, indices), observer);
  };
  const at::Tensor rows = gather_samples(make, ranks, {.count = strips});
  on_rank_zero(ranks, [&] {
    const auto labels = reverse_process_labels(process.diffusion().sampler());
    write_image_grid(command.trajectory, {rows, labels}, {.columns = 1});
    log_info("{} images at {} timesteps in {}", strips, labels.size(), command.trajectory);
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
                               .seed = command.series.seed};
  require_another_folder(command.images, request);
  return open_inpaint_input(request, run, ranks);
}

/// What makes the images of the command.
ImageMaker image_maker(const SampleCommand& command, const LoadedRun& run,
                       const std::optional<InpaintInput>& input) {
  return [&](const at::Tensor& indices, const SamplingObserver& observer) {
    if (!input) {
      return run.task->image_generator()->sample(request_for(command.series, indices), observer);
    }
    return run.task->inpainter()->inpaint(input->masked.at(indices), command.series.seed, indices,
                                          observer);
  };
}

SampleSettings settings_of(const SampleCommand& command, const LoadedRun& run,
                           const std::optional<InpaintInput>& input, const MaskConfig& mask) {
  SampleSettings settings(run, command.series);
  if (input) {
    RunConfig config = run.config;
    config.mask = mask;
    settings.add_inpainting(config, *input);
  }
  return settings;
}

SampleOutputsOptions outputs_of(const SampleCommand& command, const LoadedRun& run,
                                const std::optional<InpaintInput>& input, const MaskConfig& mask) {
  return {.out = command.out,
          .images = command.images,
          .mask = mask.path,
          .trajectory = command.trajectory,
          .count = number_of_images(command.series, input),
          .shape = run.shape,
          .columns = command.series.toward ? columns_of(command.series) : 0,
          .input = input ? &*input : nullptr,
          .classes = input ? SampleClasses{} : classes_of(run, command.series)};
}

void sample(World& world, const SampleCommand& command) {
  check(command);
  Communicator& ranks = world.communicator();
  require_same_kernels(ranks);
  Watchdog watchdog(world);
  // No time limit: packing a folder of images may take hours.
  auto section = std::make_optional(watchdog.section("data preparation", 0));
  const LoadedRun run =
      load_run(command.run, command.choice,
               join_assignments(kKeyOptions, command.key_options, command.assignments), ranks,
               world.device());
  const MaskConfig mask = override_mask(run.config.mask, command.mask);
  check_files(command, run, mask);
  auto* const process =
      command.trajectory.empty() ? nullptr : &require_process(*run.task, "--trajectory");
  const auto input = open_input(command, run, mask, ranks);
  const SampleOutputsOptions options = outputs_of(command, run, input, mask);
  std::unique_ptr<SampleOutputs> outputs;  // of rank 0
  on_rank_zero(ranks, [&] {
    outputs = std::make_unique<SampleOutputs>(options, settings_of(command, run, input, mask));
  });
  const bool can_be_resumed = !command.images.empty() || is_hdf5_output(command.out);
  if (can_be_resumed) expect_work_to_save();

  const auto begin_sampling = [&] {
    section.emplace(watchdog.section("sampling", run.config.watchdog.sampling_seconds));
  };
  // No time limit: the disk may be slow, and all ranks wait for rank 0.
  const auto begin_writing = [&] { section.emplace(watchdog.section("writing", 0)); };
  const ImageMaker make_images = image_maker(command, run, input);
  const auto make = [&](const at::Tensor& indices, const SamplingObserver& observer) {
    begin_sampling();  // the time limit applies to each batch
    at::Tensor images = make_images(indices, observer);
    begin_writing();
    return images;
  };
  begin_writing();
  try {
    stream_samples(make, ranks, {.count = options.count, .batch_size = command.batch_size},
                   outputs.get());
  } catch (const StopRequested&) {
    if (outputs && can_be_resumed) outputs->report_stop();
    throw;
  }
  on_rank_zero(ranks, [&] { outputs->finish_files(); });
  begin_sampling();
  if (process != nullptr) write_trajectory(*process, command, ranks);
  begin_writing();
  on_rank_zero(ranks, [&] { outputs->finish_stdout(); });
}

}  // namespace
}  // namespace gm

int main(int argc, char** argv) {
  CLI::App app("Makes images with the model of a run, or inpaints images.", "gm_sample");
  gm::run_command(app, argc, argv, gm::declare, gm::sample);
}
