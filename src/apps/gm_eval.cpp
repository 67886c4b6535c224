// gm_eval: evaluates how well the models of runs inpaint held-out images, on one process or on all
// ranks of a launcher.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>

#include "apps/command.h"
#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/output.h"
#include "base/progress_bar.h"
#include "comm/consistency.h"
#include "comm/on_rank_zero.h"
#include "comm/watchdog.h"
#include "comm/world.h"
#include "config/command_line.h"
#include "config/option_values.h"
#include "eval/comparison.h"
#include "eval/image_metrics.h"
#include "eval/inpainting_evaluation.h"
#include "eval/sampling.h"
#include "image/image_grid.h"
#include "run/datasets.h"
#include "run/load_run.h"
#include "run/make_task.h"
#include "run/train_eval_overlap.h"

namespace gm {
namespace {

struct EvalCommand {
  std::vector<std::string> arguments;  ///< Runs, then section.key=value.
  LoadedRun::Choice choice;
  ImageChoice images;
  std::string mask;
  std::optional<int64_t> count;
  std::string json;
  std::string image;
};

void declare(CLI::App& app, EvalCommand& command) {
  app.add_option("RUN", command.arguments,
                 "Directories of runs, whose models are compared on the same images and masks; "
                 "then section.key=value for keys of evaluate, mask, repaint and watchdog")
      ->transform(a_path())
      ->required();
  app.add_option("--data", command.images.path,
                 "Images to evaluate on, an HDF5 file or a folder; the first run's held-out "
                 "images when not given")
      ->transform(a_path());
  app.add_option("--part", command.images.part,
                 "Part of the images: those that gm_data held out, those for training, or all")
      ->check(CLI::IsMember({"held_out", "training", "all"}));
  app.add_option(
         "--mask", command.mask,
         "The masks: a kind of mask.kind, or a PNG file or a folder of them (white is missing), "
         "which are assigned to the images at random; the masks of the first run when not given")
      ->transform(a_path());
  app.add_option("--count", command.count, "Number of images; evaluate.count when not given")
      ->transform(whole_number(1, 1'000'000'000));
  declare_weights(app, command.choice);
  app.add_option("--json", command.json, "Also write the figures to this JSON file; - for stdout")
      ->transform(a_path());
  app.add_option("--image", command.image,
                 "PNG file with eight images: original, masked, and inpainted by each method, with "
                 "the difference below")
      ->transform(a_path());
  app.set_version_flag("--version", version_text());
}

std::vector<LoadedRun> open_runs(const EvalCommand& command, Communicator& ranks) {
  const Positionals positionals(command.arguments);
  if (positionals.names.empty()) {
    throw InputError("give the directory of a run; see --help");
  }
  std::vector<LoadedRun> runs;
  for (const std::string& directory : positionals.names) {
    runs.push_back(load_run(directory, command.choice, positionals.assignments, ranks));
  }
  return runs;
}

std::vector<InpaintMethod> methods_of(const std::vector<LoadedRun>& runs, uint64_t seed) {
  std::vector<InpaintMethod> methods = baseline_methods();
  for (const LoadedRun& run : runs) {
    methods.push_back(inpaint_by(require_inpainter(*run.task, run.name), run.name, seed));
  }
  return methods;
}

/// Calls `begin` before every batch that a method fills, and `end` with its number of images after
/// it.
void observe_batches(std::vector<InpaintMethod>& methods, const std::function<void()>& begin,
                     const std::function<void(int64_t images)>& end) {
  for (InpaintMethod& method : methods) {
    method.inpaint = [=, fill = std::move(method.inpaint)](const MaskedImages& masked_images,
                                                           const at::Tensor& indices,
                                                           const SamplingObserver& observer) {
      begin();
      const at::Tensor filled = fill(masked_images, indices, observer);
      end(indices.numel());
      return filled;
    };
  }
}

/// Called by all ranks.
LabelledImages make_comparison(const std::vector<InpaintMethod>& methods,
                               const MaskedDataset& images, Communicator& ranks) {
  const int64_t shown = std::min<int64_t>(8, images.size());
  const auto make = [&](const at::Tensor& i, const SamplingObserver& observer) {
    return comparison_images(methods, images, images.evenly_spaced(i, shown), observer);
  };
  return {gather_samples(make, ranks, {.count = shown}), comparison_labels(methods)};
}

/// Writes `comparison` if --image is given. Prints the table to stdout if stdout is not another
/// output. Files are written first, because the reader of stdout may close it early.
void write(const EvalCommand& command, const std::vector<NamedReport>& reports,
           const LabelledImages& comparison) {
  const auto write_json = [&] {
    if (command.json.empty()) return;
    write_output(command.json, comparison_json(reports));
    log_info("figures in {}", command.json);
  };
  if (!is_stdout(command.json)) write_json();
  if (!command.image.empty()) {
    write_image_grid(command.image, comparison, {.columns = 1});
    log_info("{} images in {}", comparison.images.size(0), command.image);
  }
  if (is_stdout(command.json)) write_json();
  if (!is_stdout(command.json) && !is_stdout(command.image)) {
    print(comparison_table(reports));
  }
}

/// Throws InputError unless the outputs can be written without overwriting an input of the runs or
/// of the evaluation.
void check_files(const EvalCommand& command, const std::vector<LoadedRun>& runs) {
  const RunConfig& config = runs.front().config;
  if (!command.images.path.empty()) require_exists("--data", command.images.path);
  std::vector<std::filesystem::path> inputs{
      command.images.path.empty() ? config.data.path : command.images.path,
      override_mask(config.mask, command.mask).path};
  for (const LoadedRun& run : runs) inputs.push_back(config_file_of(run.name));
  check_outputs({{"--json", command.json}, {"--image", command.image, ".png"}}, inputs);
}

/// The images on which all runs are compared. Throws InputError when they do not fit a run.
std::shared_ptr<const ImageDataset> open_common_images(const EvalCommand& command,
                                                       const std::vector<LoadedRun>& runs,
                                                       Communicator& ranks) {
  const auto images = open_images(runs.front(), command.images, ranks);
  require_measurable(images->shape().height, images->shape().width);
  for (const LoadedRun& run : runs) {
    require_fit(*images, run);
    require_inpainter(*run.task, run.name).check_inpainting();
    on_rank_zero(ranks, [&] { warn_of_overlap(*images, run); });
  }
  return images;
}

void evaluate(World& world, const EvalCommand& command) {
  Communicator& ranks = world.communicator();
  require_same_kernels(ranks);
  Watchdog watchdog(world);
  // No time limit: packing a folder of images may take hours.
  auto section = std::make_optional(watchdog.section("data preparation", 0));
  const std::vector<LoadedRun> runs = open_runs(command, ranks);
  check_files(command, runs);
  const RunConfig& config = runs.front().config;
  const auto seed = static_cast<uint64_t>(config.evaluate.seed);
  const MaskedDataset images(open_common_images(command, runs, ranks),
                             override_mask(config.mask, command.mask), seed);
  require_same_everywhere(ranks, "the masks", images.masks_hash());

  const DistributedRange work{
      .count = std::min(command.count.value_or(config.evaluate.count), images.size()),
      .batch_size = config.evaluate.batch_size};
  std::vector<InpaintMethod> methods = methods_of(runs, seed);
  std::optional<ProgressBar> progress;  // of rank 0
  observe_batches(
      methods,
      [&] { section.emplace(watchdog.section("evaluation", config.watchdog.evaluation_seconds)); },
      [&](int64_t filled) {
        if (progress) progress->advance(filled * ranks.size());
      });
  std::vector<NamedReport> reports;
  for (const InpaintMethod& method : methods) {
    if (ranks.rank() == 0) progress.emplace(method.name, work.count);
    reports.emplace_back(method.name, evaluate_inpainting(method, images, work, ranks));
    progress.reset();
    log_info("{}: {} images filled", method.name, work.count);
  }
  const LabelledImages comparison =
      command.image.empty() ? LabelledImages() : make_comparison(methods, images, ranks);
  section.emplace(watchdog.section("writing", 0));  // no time limit: a pipe may be slow
  on_rank_zero(ranks, [&] { write(command, reports, comparison); });
}

}  // namespace
}  // namespace gm

int main(int argc, char** argv) {
  CLI::App app("Compares how well the models of runs inpaint images.", "gm_eval");
  gm::run_command(app, argc, argv, gm::declare, gm::evaluate);
}
