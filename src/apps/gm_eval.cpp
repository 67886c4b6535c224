// gm_eval: how well the models of runs inpaint images that they have not seen, on one
// process or on all ranks of a launcher.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>

#include "base/error.h"
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
#include "eval/comparison.h"
#include "eval/image_metrics.h"
#include "eval/inpainting_evaluation.h"
#include "run/datasets.h"
#include "run/load_run.h"
#include "run/train_eval_overlap.h"
#include "train/sampling.h"

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
                 "Which of the images: those that gm_data held out, those that training reads, "
                 "or all")
      ->check(CLI::IsMember({"held_out", "training", "all"}));
  app.add_option("--mask", command.mask,
                 "The masks: a kind of mask.kind, or a PNG file or a folder of them (white is "
                 "missing), which are dealt out by chance, whatever their names; the first run's "
                 "own kind when not given")
      ->transform(a_path());
  app.add_option("--count", command.count, "Images; evaluate.count when not given")
      ->transform(whole_number(1, 1'000'000'000));
  app.add_option("--weights", command.choice.weights,
                 "The moving average of the weights, or those of the last step")
      ->check(CLI::IsMember({"ema", "model"}))
      ->capture_default_str();
  app.add_option("--step", command.choice.step, "Checkpoint to take; the newest when not given")
      ->transform(whole_number(0, INT64_MAX));
  app.add_option("--json", command.json, "Also write the figures into this file; - for stdout")
      ->transform(a_path());
  app.add_option("--image", command.image,
                 "PNG file for eight images: original, masked, and as each method fills them, "
                 "with the difference below")
      ->transform(a_path());
  app.set_version_flag("--version", version_text());
}

std::vector<LoadedRun> open_runs(const EvalCommand& command, Communicator& ranks) {
  const Positionals positionals(command.arguments);
  if (positionals.names.empty()) {
    throw InputError("give the directory of a run; --help says more");
  }
  std::vector<LoadedRun> runs;
  for (const std::string& directory : positionals.names) {
    runs.push_back(load_run(directory, command.choice, positionals.assignments, ranks));
  }
  return runs;
}

std::vector<InpaintMethod> methods_of(const std::vector<LoadedRun>& runs, uint64_t seed) {
  std::vector<InpaintMethod> methods = baseline_methods();
  for (const LoadedRun& run : runs) methods.push_back(inpaint_by(*run.task, run.name, seed));
  return methods;
}

/// Makes `before` come before every batch that the methods fill.
void interpose(std::vector<InpaintMethod>& methods, const std::function<void()>& before) {
  for (InpaintMethod& method : methods) {
    method.fill = [before, fill = std::move(method.fill)](const MaskedImages& incomplete,
                                                          const at::Tensor& indices,
                                                          const SamplingObserver& observer) {
      before();
      return fill(incomplete, indices, observer);
    };
  }
}

/// Called by all ranks.
at::Tensor make_comparison(const std::vector<InpaintMethod>& methods, const MaskedDataset& images,
                           Communicator& ranks) {
  const int64_t shown = std::min<int64_t>(8, images.size());
  const auto make = [&](const at::Tensor& i, const SamplingObserver& observer) {
    return comparison_images(methods, images, images.evenly_spaced(i, shown), observer);
  };
  return sample_on_all_ranks(make, ranks, {.count = shown});
}

/// `rows` are written where an image is asked for. Files are written before stdout, which gets
/// the table if it is not one of the outputs: nobody need read it to the end.
void write(const EvalCommand& command, const std::vector<NamedReport>& reports,
           const at::Tensor& rows, int64_t height) {
  const auto write_json = [&] {
    if (command.json.empty()) return;
    write_output(command.json, comparison_json(reports));
    log_info("figures in {}", command.json);
  };
  if (!is_stdout(command.json)) write_json();
  if (!command.image.empty()) {
    write_image_grid(command.image, rows, /*columns=*/1, std::max<int64_t>(1, 64 / height));
    log_info("{} images in {}: original, masked, then the methods in the order of the table",
             rows.size(0), command.image);
  }
  if (is_stdout(command.json)) write_json();
  if (!is_stdout(command.json) && !is_stdout(command.image)) {
    print(comparison_table(reports));
  }
}

/// Throws InputError unless the outputs can be written, without touching what the runs and the
/// evaluation read.
void check_files(const EvalCommand& command, const std::vector<LoadedRun>& runs) {
  const RunConfig& config = runs.front().config;
  std::vector<std::filesystem::path> inputs{
      command.images.path.empty() ? config.data.path : command.images.path,
      override_mask(config.mask, command.mask).path};
  for (const LoadedRun& run : runs) inputs.push_back(config_file_of(run.name));
  check_outputs({{"--json", command.json}, {"--image", command.image, ".png"}}, inputs);
}

/// The images that all runs are compared on, once it is known that all can be.
std::shared_ptr<const ImageDataset> open_common_images(const EvalCommand& command,
                                                       const std::vector<LoadedRun>& runs,
                                                       Communicator& ranks) {
  const auto images = open_images(runs.front(), command.images, ranks);
  require_measurable(images->shape().height, images->shape().width);
  for (const LoadedRun& run : runs) {
    require_fit(*images, run);
    run.task->check_inpainting();
    on_rank_zero(ranks, [&] { warn_of_overlap(*images, run); });
  }
  return images;
}

void evaluate(World& world, const EvalCommand& command) {
  Communicator& ranks = world.communicator();
  require_same_kernels(ranks);
  Watchdog watchdog(world);
  // How long packing a folder of images takes is not ours to bound.
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
  interpose(methods, [&] {
    section.emplace(watchdog.section("evaluation", config.watchdog.evaluation_seconds));
  });
  std::vector<NamedReport> reports;
  for (const InpaintMethod& method : methods) {
    reports.emplace_back(method.name, evaluate_inpainting(method, images, work, ranks));
    log_info("{}: {} images filled", method.name, work.count);
  }
  const at::Tensor rows =
      command.image.empty() ? at::Tensor() : make_comparison(methods, images, ranks);
  section.emplace(watchdog.section("writing", 0));  // a pipe's reader may come late
  on_rank_zero(ranks, [&] { write(command, reports, rows, images.shape().height); });
}

}  // namespace
}  // namespace gm

int main(int argc, char** argv) {
  gm::tune_allocator();
  return gm::run_program([&](gm::World& world) {
    CLI::App app("Compares how well the models of runs inpaint images.", "gm_eval");
    gm::EvalCommand command;
    gm::declare(app, command);
    if (const auto answer = gm::answer_or_parse(app, argc, argv)) {
      if (world.rank() == 0) gm::print(*answer);
    } else {
      gm::evaluate(world, command);
    }
    return gm::kExitDone;
  });
}
