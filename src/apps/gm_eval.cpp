// gm_eval: how well the models of runs fill holes in pictures that they have not seen, on one
// process or on all ranks of a launcher.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>

#include "base/allocator.h"
#include "base/error.h"
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
#include "eval/comparison.h"
#include "eval/image_quality.h"
#include "eval/inpainting_evaluation.h"
#include "run/open_data.h"
#include "run/seen_pictures.h"
#include "run/trained_run.h"
#include "train/sampling.h"

namespace gm {
namespace {

struct EvalCommand {
  std::vector<std::string> arguments;  ///< Runs, then section.key=value.
  TrainedRun::Choice choice;
  PictureChoice pictures;
  std::string mask;
  std::optional<int64_t> count;
  std::string json;
  std::string picture;
};

void declare(CLI::App& app, EvalCommand& command) {
  app.add_option("RUN", command.arguments,
                 "Directories of runs, whose models are compared on the same pictures and holes; "
                 "then section.key=value for keys of evaluate, mask, repaint and watchdog")
      ->transform(a_path())
      ->required();
  app.add_option("--data", command.pictures.path,
                 "Pictures to evaluate on, an HDF5 file or a folder; the first run's held-out "
                 "pictures when not given")
      ->transform(a_path());
  app.add_option("--part", command.pictures.part,
                 "Which of the pictures: those that gm_data held out, those that training reads, "
                 "or all")
      ->check(CLI::IsMember({"held_out", "training", "all"}));
  app.add_option("--mask", command.mask,
                 "The holes: a kind of mask.kind, or a PNG file or a folder of them (white is "
                 "missing), which are dealt out by chance, whatever their names; the first run's "
                 "own kind when not given")
      ->transform(a_path());
  app.add_option("--count", command.count, "Pictures; evaluate.count when not given")
      ->transform(whole_number(1, 1'000'000'000));
  app.add_option("--weights", command.choice.weights,
                 "The moving average of the weights, or those of the last step")
      ->check(CLI::IsMember({"ema", "model"}))
      ->capture_default_str();
  app.add_option("--step", command.choice.step, "Checkpoint to take; the newest when not given")
      ->transform(whole_number(0, INT64_MAX));
  app.add_option("--json", command.json, "Also write the figures into this file; - for stdout")
      ->transform(a_path());
  app.add_option(
         "--picture", command.picture,
         "PNG file for eight pictures: whole, with the hole, and as each method fills them, "
         "with the difference below")
      ->transform(a_path());
  app.set_version_flag("--version", version_text());
}

std::vector<TrainedRun> open_runs(const EvalCommand& command, Communicator& ranks) {
  const Positionals positionals(command.arguments);
  if (positionals.names.empty()) {
    throw InputError("give the directory of a run; --help says more");
  }
  std::vector<TrainedRun> runs;
  for (const std::string& directory : positionals.names) {
    runs.push_back(open_trained_run(directory, command.choice, positionals.assignments, ranks));
  }
  return runs;
}

std::vector<FillMethod> methods_of(const std::vector<TrainedRun>& runs, uint64_t seed) {
  std::vector<FillMethod> methods = baseline_methods();
  for (const TrainedRun& run : runs) methods.push_back(fill_by(*run.task, run.name, seed));
  return methods;
}

/// Makes `before` come before every batch that the methods fill.
void interpose(std::vector<FillMethod>& methods, const std::function<void()>& before) {
  for (FillMethod& method : methods) {
    method.fill = [before, fill = std::move(method.fill)](const IncompletePictures& incomplete,
                                                          const at::Tensor& indices,
                                                          const SamplingObserver& observer) {
      before();
      return fill(incomplete, indices, observer);
    };
  }
}

/// Called by all ranks.
at::Tensor make_strips(const std::vector<FillMethod>& methods, const HoledPictures& pictures,
                       Communicator& ranks) {
  const int64_t shown = std::min<int64_t>(8, pictures.size());
  const auto make = [&](const at::Tensor& i, const SamplingObserver& observer) {
    return comparison_strips(methods, pictures, pictures.spread(i, shown), observer);
  };
  return sample_on_all_ranks(make, ranks, {.count = shown});
}

/// `strips` are written where a picture is asked for. Files are written before stdout, which gets
/// the table if it is not one of the outputs: nobody need read it to the end.
void write(const EvalCommand& command, const std::vector<NamedReport>& reports,
           const at::Tensor& strips, int64_t height) {
  const auto write_json = [&] {
    if (command.json.empty()) return;
    write_output(command.json, comparison_json(reports));
    log_info("figures in {}", command.json);
  };
  if (!is_stdout(command.json)) write_json();
  if (!command.picture.empty()) {
    write_image_grid(command.picture, strips, /*columns=*/1, std::max<int64_t>(1, 64 / height));
    log_info("{} pictures in {}: original, hole, then the methods in the order of the table",
             strips.size(0), command.picture);
  }
  if (is_stdout(command.json)) write_json();
  if (!is_stdout(command.json) && !is_stdout(command.picture)) {
    print(comparison_table(reports));
  }
}

/// Throws InputError unless the outputs can be written, without touching what the runs and the
/// evaluation read.
void check_files(const EvalCommand& command, const std::vector<TrainedRun>& runs) {
  const RunConfig& config = runs.front().config;
  std::vector<std::filesystem::path> inputs{
      command.pictures.path.empty() ? config.data.path : command.pictures.path,
      with_holes(config.mask, command.mask).path};
  for (const TrainedRun& run : runs) inputs.push_back(config_file_of(run.name));
  check_outputs({{"--json", command.json}, {"--picture", command.picture, ".png"}}, inputs);
}

/// The pictures that all runs are compared on, once it is known that all can be.
std::shared_ptr<const ImageDataset> open_common_pictures(const EvalCommand& command,
                                                         const std::vector<TrainedRun>& runs,
                                                         Communicator& ranks) {
  const auto pictures = open_pictures(runs.front(), command.pictures, ranks);
  require_measurable(pictures->shape().height, pictures->shape().width);
  for (const TrainedRun& run : runs) {
    require_fit(*pictures, run);
    run.task->check_inpainting();
    on_rank_zero(ranks, [&] { warn_of_seen_pictures(*pictures, run); });
  }
  return pictures;
}

void evaluate(World& world, const EvalCommand& command) {
  Communicator& ranks = world.communicator();
  require_same_kernels(ranks);
  Watchdog watchdog(world);
  // How long packing a folder of pictures takes is not ours to bound.
  auto section = std::make_optional(watchdog.section("data preparation", 0));
  const std::vector<TrainedRun> runs = open_runs(command, ranks);
  check_files(command, runs);
  const RunConfig& config = runs.front().config;
  const auto seed = static_cast<uint64_t>(config.evaluate.seed);
  const HoledPictures pictures(open_common_pictures(command, runs, ranks),
                               with_holes(config.mask, command.mask), seed);
  require_same_everywhere(ranks, "the masks", pictures.masks_hash());

  const SharedWork work{
      .count = std::min(command.count.value_or(config.evaluate.count), pictures.size()),
      .batch_size = config.evaluate.batch_size};
  std::vector<FillMethod> methods = methods_of(runs, seed);
  interpose(methods, [&] {
    section.emplace(watchdog.section("evaluation", config.watchdog.evaluation_seconds));
  });
  std::vector<NamedReport> reports;
  for (const FillMethod& method : methods) {
    reports.emplace_back(method.name, evaluate_inpainting(method, pictures, work, ranks));
    log_info("{}: {} pictures filled", method.name, work.count);
  }
  const at::Tensor strips =
      command.picture.empty() ? at::Tensor() : make_strips(methods, pictures, ranks);
  section.emplace(watchdog.section("writing", 0));  // a pipe's reader may come late
  on_rank_zero(ranks, [&] { write(command, reports, strips, pictures.shape().height); });
}

}  // namespace
}  // namespace gm

int main(int argc, char** argv) {
  gm::tune_allocator();
  return gm::run_program([&](gm::World& world) {
    CLI::App app("Compares how well the models of runs fill holes in pictures.", "gm_eval");
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
