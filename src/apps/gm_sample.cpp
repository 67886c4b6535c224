// gm_sample: makes pictures with the model of a run, or fills holes in pictures, on one process or
// on all ranks of a launcher.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>

#include "base/allocator.h"
#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
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
#include "data/prepare.h"
#include "eval/holed_pictures.h"
#include "run/open_data.h"
#include "run/trained_run.h"
#include "tasks/strips.h"
#include "train/sampling.h"

namespace gm {
namespace {

constexpr int64_t kMostBytes = int64_t{1} << 30;  // of the pictures and their grid, in memory
constexpr int64_t kUsualPictures = 64;

struct SampleCommand {
  std::string run;
  std::vector<std::string> assignments;
  TrainedRun::Choice choice;
  std::optional<int64_t> count;
  int64_t batch_size = 64;
  uint64_t seed = 0;
  std::string inpaint;
  std::string mask;
  std::string out = "samples.png";
  std::string pictures;
  std::string trajectory;
};

void declare(CLI::App& app, SampleCommand& command) {
  app.add_option("RUN", command.run, "Directory of the run whose model makes the pictures")
      ->transform(a_path())
      ->required();
  app.add_option("KEYS", command.assignments,
                 "section.key=value for keys of watchdog and, with --inpaint, of mask and repaint, "
                 "such as mask.coverage_max=0.3");
  app.add_option("--count", command.count,
                 "Number of pictures; 64, or all that are to be filled, when not given")
      ->transform(whole_number(1, 1'000'000'000));
  app.add_option("--seed", command.seed, "Names a series of pictures; another seed, another series")
      ->transform(whole_number(0, UINT64_MAX))
      ->capture_default_str();
  app.add_option(
         "--inpaint", command.inpaint,
         "Fill holes in these pictures: a folder of JPEG and PNG files, one such file, or an "
         "HDF5 file")
      ->transform(a_path());
  app.add_option(
         "--mask", command.mask,
         "The holes: a kind of mask.kind, a PNG file for all pictures (white is missing), or "
         "a folder of one for each, called like the picture (with one prefix or suffix that is the "
         "same for all, if any), of the size that the run's pictures have; the run's own kind when "
         "not given")
      ->transform(a_path());
  app.add_option(
         "--out", command.out,
         "PNG file for the grid of pictures (- for stdout); with --inpaint: whole, with the "
         "hole, filled")
      ->transform(a_path())
      ->capture_default_str();
  app.add_option(
         "--pictures", command.pictures,
         "Also write each picture as a PNG file of its own into this folder, called like the "
         "file that was filled")
      ->transform(a_path());
  app.add_option("--weights", command.choice.weights,
                 "The moving average of the weights, or those of the last step")
      ->check(CLI::IsMember({"ema", "model"}))
      ->capture_default_str();
  app.add_option("--step", command.choice.step, "Checkpoint to take; the newest when not given")
      ->transform(whole_number(0, INT64_MAX));
  app.add_option("--batch", command.batch_size, "Pictures that a rank makes at a time")
      ->transform(whole_number(1, 100'000))
      ->capture_default_str();
  app.add_option("--trajectory", command.trajectory,
                 "PNG file for strips that show eight pictures on their way out of the noise")
      ->transform(a_path());
  app.set_version_flag("--version", version_text());
}

/// Throws InputError when the filled pictures would be written over the originals, which are called
/// like them.
void require_another_folder(const std::string& pictures, const std::filesystem::path& originals) {
  std::error_code nothing_there;
  if (!std::filesystem::equivalent(pictures, originals, nothing_there)) return;
  throw InputError(
      "--pictures {}: the files read from there would be overwritten; name another folder",
      pictures);
}

/// Throws InputError for keys that would change nothing.
void check_assignments(const SampleCommand& command) {
  for (const std::string& assignment : command.assignments) {
    if (assignment.starts_with("evaluate.")) {
      throw InputError("{}: gm_sample does not evaluate; gm_eval does", assignment);
    }
    const bool of_holes = assignment.starts_with("mask.") || assignment.starts_with("repaint.");
    if (of_holes && command.inpaint.empty()) {
      throw InputError("{} without --inpaint PICTURES: there is nothing to fill", assignment);
    }
  }
}

/// Throws InputError unless the outputs can be written, without touching what is read.
void check_files(const SampleCommand& command, const TrainedRun& run) {
  std::vector<std::filesystem::path> inputs{config_file_of(run.name)};
  if (!command.inpaint.empty()) {
    inputs.emplace_back(command.inpaint);
    inputs.emplace_back(with_holes(run.config.mask, command.mask).path);
  }
  check_outputs({{"--out", command.out, ".png"}, {"--trajectory", command.trajectory, ".png"}},
                inputs);
  if (!command.pictures.empty()) require_writable_folder(command.pictures);
}

void check(const SampleCommand& command) {
  if (!command.mask.empty() && command.inpaint.empty()) {
    throw InputError("--mask {} without --inpaint PICTURES: there is nothing to fill",
                     command.mask);
  }
  check_assignments(command);
  if (!command.trajectory.empty() && !command.inpaint.empty()) {
    throw InputError("--trajectory shows new pictures, --inpaint fills holes: give one of them");
  }
}

/// Pictures with holes as a user names them.
struct ToFill {
  HoledPictures holed;
  std::vector<std::string> names;  ///< Of their files; empty when they do not come from files.
};

/// Whether the user has said where the masks are, instead of leaving it to the run.
bool names_masks(const SampleCommand& command) {
  return !command.mask.empty() ||
         std::ranges::any_of(command.assignments, [](const std::string& assignment) {
           return assignment.starts_with("mask.path=");
         });
}

HoledPictures with_masks(const SampleCommand& command, const TrainedRun& run,
                         std::shared_ptr<const ImageDataset> dataset,
                         const std::vector<std::string>& names) {
  const MaskConfig mask = with_holes(run.config.mask, command.mask);
  const bool has_folder = std::filesystem::is_directory(mask.path);
  if (has_folder) require_another_folder(command.pictures, mask.path);
  if (!has_folder || !names_masks(command)) return {std::move(dataset), mask, command.seed};
  const ImageShape shape = dataset->shape();
  const auto files = masks_of_pictures(mask.path, dataset->size(), names);
  return {std::move(dataset), MaskSource(files, shape.height, shape.width)};
}

ToFill open_to_fill(const SampleCommand& command, const TrainedRun& run, Communicator& ranks) {
  require_another_folder(command.pictures, folder_of_pictures(command.inpaint));
  const auto dataset = open_pictures(run, {.path = command.inpaint, .part = "all"}, ranks);
  std::vector<std::string> names = picture_names(command.inpaint);
  if (!names.empty() && std::ssize(names) != dataset->size())
    throw InputError("{}: has changed while it was read; start again", command.inpaint);
  HoledPictures holed = with_masks(command, run, dataset, names);
  require_same_everywhere(ranks, "the masks", holed.masks_hash());
  return {std::move(holed), std::move(names)};
}

/// How many pictures to make; all of `to_fill` unless the user says otherwise.
int64_t number_of_pictures(const SampleCommand& command, const std::optional<ToFill>& to_fill) {
  if (!to_fill) return command.count.value_or(kUsualPictures);
  return std::min(command.count.value_or(INT64_MAX), to_fill->holed.size());
}

/// Throws InputError unless there is memory for `count` pictures, each of so many squares like
/// `shape` side by side, and for the grid of them.
void require_memory(int64_t count, const ImageShape& shape, int64_t squares) {
  const int64_t bytes =
      squares * shape.bytes() + bytes_in_grid(shape.height, squares * shape.width, shape.channels);
  if (count <= kMostBytes / bytes) return;
  throw InputError("{} pictures are too many to make at a time: give --count, of at most {}", count,
                   kMostBytes / bytes);
}

/// The files of --pictures, in `folder`: called as `to_fill` says, or by their numbers.
std::vector<std::filesystem::path> picture_files(const std::filesystem::path& folder, int64_t count,
                                                 const std::optional<ToFill>& to_fill) {
  std::vector<std::filesystem::path> files;
  for (int64_t i = 0; i < count; ++i) {
    const bool has_name = to_fill && !to_fill->names.empty();
    const std::string name =
        has_name ? to_fill->names[static_cast<size_t>(i)] : fmt::format("{:05d}", i);
    files.push_back(folder / (name + ".png"));
  }
  return files;
}

/// Throws InputError when one of the `files` of --pictures, or their folder, would take the place
/// of another output or of a mask file.
void require_other_files(const SampleCommand& command, const MaskConfig& mask,
                         const std::vector<std::filesystem::path>& files) {
  if (!mask.path.empty() && std::ranges::find(files, true_name(mask.path)) != files.end()) {
    throw InputError("--pictures {} would overwrite the mask {}; name another folder",
                     command.pictures, mask.path);
  }
  for (const std::string& output : {command.out, command.trajectory}) {
    const std::filesystem::path name = output.empty() ? "" : true_name(output);
    const bool is_taken =
        name == true_name(command.pictures) || std::ranges::find(files, name) != files.end();
    if (!output.empty() && is_taken) {
      throw InputError("{} would be written twice, by --pictures {} too; give another name", output,
                       command.pictures);
    }
  }
}

/// The last square of each picture: of strips, the filled one.
at::Tensor squares(const at::Tensor& pixels) {
  return pixels.narrow(2, pixels.size(2) - pixels.size(1), pixels.size(1)).contiguous();
}

void write_pictures(const std::vector<std::filesystem::path>& files, const at::Tensor& pixels) {
  const at::Tensor pictures = squares(pixels);
  for (int64_t i = 0; i < pictures.size(0); ++i) {
    const std::filesystem::path& file = files[static_cast<size_t>(i)];
    std::filesystem::create_directories(file.parent_path());
    write_picture(file, pictures[i]);
  }
}

/// Called by all ranks.
void write_trajectory(DdpmTask& task, const SampleCommand& command, Communicator& ranks) {
  constexpr int64_t kStrips = 8;
  const auto make = [&](const at::Tensor& indices, const SamplingObserver& observer) {
    return reverse_strips(task, command.seed, indices, observer);
  };
  const at::Tensor strips = sample_on_all_ranks(make, ranks, {.count = kStrips});
  on_rank_zero(ranks, [&] {
    write_image_grid(command.trajectory, strips, /*columns=*/1);
    log_info("strips of {} pictures in {}", kStrips, command.trajectory);
  });
}

void sample(World& world, const SampleCommand& command) {
  check(command);
  Communicator& ranks = world.communicator();
  require_same_kernels(ranks);
  Watchdog watchdog(world);
  // How long packing a folder of pictures takes is not ours to bound.
  auto section = std::make_optional(watchdog.section("data preparation", 0));
  const TrainedRun run = open_trained_run(command.run, command.choice, command.assignments, ranks);
  check_files(command, run);
  Task& task = *run.task;
  auto* const process =
      command.trajectory.empty() ? nullptr : &require_process(task, "--trajectory");

  std::optional<ToFill> to_fill;
  if (!command.inpaint.empty()) {
    task.check_inpainting();
    to_fill.emplace(open_to_fill(command, run, ranks));
  }
  const SharedWork work{.count = number_of_pictures(command, to_fill),
                        .batch_size = command.batch_size};
  require_memory(work.count, run.shape, to_fill ? kPicturesInAStrip : 1);
  std::vector<std::filesystem::path> files;
  if (!command.pictures.empty()) {
    files = picture_files(true_name(command.pictures), work.count, to_fill);
    require_other_files(command, with_holes(run.config.mask, command.mask), files);
  }
  const auto begin_section = [&] {
    section.emplace(watchdog.section("sampling", run.config.watchdog.sampling_seconds));
  };
  const auto make = [&](const at::Tensor& indices, const SamplingObserver& observer) {
    begin_section();  // the limit is that of a batch, however many there are
    if (!to_fill) return task.sample(command.seed, indices, observer);
    return filling_strips(task, to_fill->holed, command.seed, indices, observer);
  };

  const at::Tensor pixels = sample_on_all_ranks(make, ranks, work);
  section.emplace(watchdog.section("writing", 0));  // a slow disk's many files are no failure
  const auto write_grid = [&] {
    write_image_grid(command.out, pixels);
    log_info("{} pictures in {}", work.count, command.out);
  };
  // Files are written before stdout: nobody need read that one to the end.
  on_rank_zero(ranks, [&] {
    if (!files.empty()) {
      write_pictures(files, pixels);
      log_info("each picture in {}", command.pictures);
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
    CLI::App app("Makes pictures with the model of a run, or fills holes in pictures.",
                 "gm_sample");
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
