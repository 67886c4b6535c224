// gm_sample: makes images with the model of a run, or inpaints images, on one process or
// on all ranks of a launcher.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/malloc_settings.h"
#include "base/output.h"
#include "comm/consistency.h"
#include "comm/on_rank_zero.h"
#include "comm/run_program.h"
#include "comm/watchdog.h"
#include "comm/world.h"
#include "config/command_line.h"
#include "config/option_values.h"
#include "data/image_grid.h"
#include "data/mask_pairs.h"
#include "data/pack_folder_to_cache.h"
#include "eval/masked_dataset.h"
#include "run/datasets.h"
#include "run/load_run.h"
#include "tasks/process_images.h"
#include "train/sampling.h"

namespace gm {
namespace {

constexpr int64_t kMostBytes = int64_t{1} << 30;  // of the images and their grid, in memory
constexpr int64_t kUsualImages = 64;

struct SampleCommand {
  std::string run;
  std::vector<std::string> assignments;
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
                 "section.key=value for keys of watchdog and, with --inpaint, of mask and repaint, "
                 "such as mask.coverage_max=0.3");
  app.add_option("--count", command.count,
                 "Number of images; 64, or all that are to be filled, when not given")
      ->transform(whole_number(1, 1'000'000'000));
  app.add_option("--seed", command.seed, "Names a series of images; another seed, another series")
      ->transform(whole_number(0, UINT64_MAX))
      ->capture_default_str();
  app.add_option("--inpaint", command.inpaint,
                 "Inpaint these images: a folder of JPEG and PNG files, one such file, or an "
                 "HDF5 file")
      ->transform(a_path());
  app.add_option(
         "--mask", command.mask,
         "The masks: a kind of mask.kind, a PNG file for all images (white is missing), or "
         "a folder of one for each, called like the image (with one prefix or suffix that is the "
         "same for all, if any), of the size that the run's images have; the run's own kind when "
         "not given")
      ->transform(a_path());
  app.add_option("--out", command.out,
                 "PNG file for the grid of images (- for stdout); with --inpaint: original, "
                 "masked, inpainted")
      ->transform(a_path())
      ->capture_default_str();
  app.add_option("--images", command.images,
                 "Also write each image as a PNG file of its own into this folder, called like the "
                 "file that was filled")
      ->transform(a_path());
  app.add_option("--weights", command.choice.weights,
                 "The moving average of the weights, or those of the last step")
      ->check(CLI::IsMember({"ema", "model"}))
      ->capture_default_str();
  app.add_option("--step", command.choice.step, "Checkpoint to take; the newest when not given")
      ->transform(whole_number(0, INT64_MAX));
  app.add_option("--batch", command.batch_size, "Images that a rank makes at a time")
      ->transform(whole_number(1, 100'000))
      ->capture_default_str();
  app.add_option("--trajectory", command.trajectory,
                 "PNG file for rows that show eight images on their way out of the noise")
      ->transform(a_path());
  app.set_version_flag("--version", version_text());
}

/// Throws InputError when the filled images would be written over the originals, which are called
/// like them.
void require_another_folder(const std::string& images, const std::filesystem::path& originals) {
  std::error_code nothing_there;
  if (!std::filesystem::equivalent(images, originals, nothing_there)) return;
  throw InputError(
      "--images {}: the files read from there would be overwritten; name another folder", images);
}

/// Throws InputError for keys that would change nothing.
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

/// Throws InputError unless the outputs can be written, without touching what is read.
void check_files(const SampleCommand& command, const LoadedRun& run) {
  std::vector<std::filesystem::path> inputs{config_file_of(run.name)};
  if (!command.inpaint.empty()) {
    inputs.emplace_back(command.inpaint);
    inputs.emplace_back(override_mask(run.config.mask, command.mask).path);
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
    throw InputError("--trajectory shows new images, --inpaint needs none: give one of them");
  }
}

/// Masked images as a user names them.
struct InpaintInput {
  MaskedDataset masked;
  std::vector<std::string> names;  ///< Of their files; empty when they do not come from files.
};

/// Whether the user has said where the masks are, instead of leaving it to the run.
bool names_masks(const SampleCommand& command) {
  return !command.mask.empty() ||
         std::ranges::any_of(command.assignments, [](const std::string& assignment) {
           return assignment.starts_with("mask.path=");
         });
}

MaskedDataset with_masks(const SampleCommand& command, const LoadedRun& run,
                         std::shared_ptr<const ImageDataset> dataset,
                         const std::vector<std::string>& names) {
  const MaskConfig mask = override_mask(run.config.mask, command.mask);
  const bool has_folder = std::filesystem::is_directory(mask.path);
  if (has_folder) require_another_folder(command.images, mask.path);
  if (!has_folder || !names_masks(command)) return {std::move(dataset), mask, command.seed};
  const ImageShape shape = dataset->shape();
  const auto files = masks_of_images(mask.path, dataset->size(), names);
  return {std::move(dataset), MaskSource(files, shape.height, shape.width)};
}

InpaintInput open_input(const SampleCommand& command, const LoadedRun& run, Communicator& ranks) {
  require_another_folder(command.images, folder_of_images(command.inpaint));
  const auto dataset = open_images(run, {.path = command.inpaint, .part = "all"}, ranks);
  std::vector<std::string> names = image_names(command.inpaint);
  if (!names.empty() && std::ssize(names) != dataset->size())
    throw InputError("{}: has changed while it was read; start again", command.inpaint);
  MaskedDataset masked = with_masks(command, run, dataset, names);
  require_same_everywhere(ranks, "the masks", masked.masks_hash());
  return {std::move(masked), std::move(names)};
}

/// How many images to make; all of `input` unless the user says otherwise.
int64_t number_of_images(const SampleCommand& command, const std::optional<InpaintInput>& input) {
  if (!input) return command.count.value_or(kUsualImages);
  return std::min(command.count.value_or(INT64_MAX), input->masked.size());
}

/// Throws InputError unless there is memory for `count` images, each of so many squares like
/// `shape` side by side, and for the grid of them.
void require_memory(int64_t count, const ImageShape& shape, int64_t squares) {
  const int64_t bytes =
      squares * shape.bytes() + bytes_in_grid(shape.height, squares * shape.width, shape.channels);
  if (count <= kMostBytes / bytes) return;
  throw InputError("{} images are too many to make at a time: give --count, of at most {}", count,
                   kMostBytes / bytes);
}

/// The files of --images, in `folder`: called as `input` says, or by their numbers.
std::vector<std::filesystem::path> image_files(const std::filesystem::path& folder, int64_t count,
                                               const std::optional<InpaintInput>& input) {
  std::vector<std::filesystem::path> files;
  for (int64_t i = 0; i < count; ++i) {
    const bool has_name = input && !input->names.empty();
    const std::string name =
        has_name ? input->names[static_cast<size_t>(i)] : fmt::format("{:05d}", i);
    files.push_back(folder / (name + ".png"));
  }
  return files;
}

/// Throws InputError when one of the `files` of --images, or their folder, would take the place
/// of another output or of a mask file.
void require_other_files(const SampleCommand& command, const MaskConfig& mask,
                         const std::vector<std::filesystem::path>& files) {
  if (!mask.path.empty() && std::ranges::find(files, true_name(mask.path)) != files.end()) {
    throw InputError("--images {} would overwrite the mask {}; name another folder", command.images,
                     mask.path);
  }
  for (const std::string& output : {command.out, command.trajectory}) {
    const std::filesystem::path name = output.empty() ? "" : true_name(output);
    const bool is_taken =
        name == true_name(command.images) || std::ranges::find(files, name) != files.end();
    if (!output.empty() && is_taken) {
      throw InputError("{} would be written twice, by --images {} too; give another name", output,
                       command.images);
    }
  }
}

/// The last square of each image: of rows, the filled one.
at::Tensor squares(const at::Tensor& pixels) {
  return pixels.narrow(2, pixels.size(2) - pixels.size(1), pixels.size(1)).contiguous();
}

void write_images(const std::vector<std::filesystem::path>& files, const at::Tensor& pixels) {
  const at::Tensor images = squares(pixels);
  for (int64_t i = 0; i < images.size(0); ++i) {
    const std::filesystem::path& file = files[static_cast<size_t>(i)];
    std::filesystem::create_directories(file.parent_path());
    write_image(file, images[i]);
  }
}

/// Called by all ranks.
void write_trajectory(DdpmTask& task, const SampleCommand& command, Communicator& ranks) {
  constexpr int64_t kStrips = 8;
  const auto make = [&](const at::Tensor& indices, const SamplingObserver& observer) {
    return reverse_process_images(task, command.seed, indices, observer);
  };
  const at::Tensor rows = sample_on_all_ranks(make, ranks, {.count = kStrips});
  on_rank_zero(ranks, [&] {
    write_image_grid(command.trajectory, rows, /*columns=*/1);
    log_info("rows of {} images in {}", kStrips, command.trajectory);
  });
}

void sample(World& world, const SampleCommand& command) {
  check(command);
  Communicator& ranks = world.communicator();
  require_same_kernels(ranks);
  Watchdog watchdog(world);
  // How long packing a folder of images takes is not ours to bound.
  auto section = std::make_optional(watchdog.section("data preparation", 0));
  const LoadedRun run = load_run(command.run, command.choice, command.assignments, ranks);
  check_files(command, run);
  Task& task = *run.task;
  auto* const process =
      command.trajectory.empty() ? nullptr : &require_process(task, "--trajectory");

  std::optional<InpaintInput> input;
  if (!command.inpaint.empty()) {
    task.check_inpainting();
    input.emplace(open_input(command, run, ranks));
  }
  const DistributedRange work{.count = number_of_images(command, input),
                              .batch_size = command.batch_size};
  require_memory(work.count, run.shape, input ? kImagesInAStrip : 1);
  std::vector<std::filesystem::path> files;
  if (!command.images.empty()) {
    files = image_files(true_name(command.images), work.count, input);
    require_other_files(command, override_mask(run.config.mask, command.mask), files);
  }
  const auto begin_section = [&] {
    section.emplace(watchdog.section("sampling", run.config.watchdog.sampling_seconds));
  };
  const auto make = [&](const at::Tensor& indices, const SamplingObserver& observer) {
    begin_section();  // the limit is that of a batch, however many there are
    if (!input) return task.sample(command.seed, indices, observer);
    return inpainting_images(task, input->masked, command.seed, indices, observer);
  };

  const at::Tensor pixels = sample_on_all_ranks(make, ranks, work);
  section.emplace(watchdog.section("writing", 0));  // a slow disk's many files are no failure
  const auto write_grid = [&] {
    write_image_grid(command.out, pixels);
    log_info("{} images in {}", work.count, command.out);
  };
  // Files are written before stdout: nobody need read that one to the end.
  on_rank_zero(ranks, [&] {
    if (!files.empty()) {
      write_images(files, pixels);
      log_info("each image in {}", command.images);
    }
    if (!is_stdout(command.out)) write_grid();
  });
  begin_section();
  if (process != nullptr) write_trajectory(*process, command, ranks);
  section.emplace(watchdog.section("writing", 0));
  on_rank_zero(ranks, [&] {
    if (is_stdout(command.out)) write_grid();
  });
}

}  // namespace
}  // namespace gm

int main(int argc, char** argv) {
  gm::tune_allocator();
  return gm::run_program([&](gm::World& world) {
    CLI::App app("Makes images with the model of a run, or inpaints images.", "gm_sample");
    gm::SampleCommand command;
    gm::declare(app, command);
    if (const auto answer = gm::answer_or_parse(app, argc, argv)) {
      if (world.rank() == 0) gm::print(*answer);
    } else {
      gm::sample(world, command);
    }
    return gm::kExitDone;
  });
}
