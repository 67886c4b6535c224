// gm_eval: evaluates how well the models of runs inpaint held-out images, their losses, and how the
// distribution of their samples differs from that of images, on one process or on all ranks of a
// launcher.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

#include "apps/command.h"
#include "base/cache_folder.h"
#include "base/enum_names.h"
#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/output.h"
#include "comm/consistency.h"
#include "comm/on_rank_zero.h"
#include "comm/watchdog.h"
#include "comm/world.h"
#include "config/command_line.h"
#include "config/option_values.h"
#include "eval/comparison.h"
#include "eval/evaluation.h"
#include "eval/reference_features.h"
#include "eval/trusted_code.h"
#include "image/image_grid.h"
#include "run/datasets.h"
#include "run/evaluation_table.h"
#include "run/load_run.h"
#include "run/prepare_data.h"
#include "run/provenance.h"
#include "run/train_eval_overlap.h"

namespace gm {
namespace {

struct EvalCommand {
  std::vector<std::string> arguments;  ///< Runs, then section.key=value.
  LoadedRun::Choice choice;
  ImageChoice images;
  std::string mask;
  std::optional<int64_t> count, samples;
  int64_t seeds = 1;
  std::string metrics;  ///< Empty: evaluate.metrics.
  ImageChoice against;
  std::string trust;
  std::string json;
  std::string image;
};

void declare(CLI::App& app, EvalCommand& command) {
  app.add_option("RUN", command.arguments,
                 "Directories of runs, whose models are compared on the same images and masks; "
                 "then section.key=value for keys of evaluate, mask, sampler, repaint and watchdog")
      ->transform(a_path())
      ->required();
  app.add_option("--data", command.images.path,
                 "Images to evaluate on, an HDF5 file or a folder; the first run's held-out "
                 "images when not given")
      ->transform(a_path());
  add_choice<Part>(app, "--part", command.images.part,
                   "Part of the images: those that gm_data held out, those for training, or all");
  app.add_option(
         "--mask", command.mask,
         "The masks: a kind of mask.kind, or a PNG file or a folder of them (white is missing), "
         "which are assigned to the images at random; the masks of the first run when not given")
      ->transform(a_path());
  app.add_option("--count", command.count, "Number of images; evaluate.count when not given")
      ->transform(whole_number(1, 1'000'000'000));
  app.add_option(
      "--metric", command.metrics,
      "What is evaluated, separated by commas: inpainting, loss, fd, kid, precision, recall, "
      "neighbours; evaluate.metrics of the first run when not given");
  app.add_option(
         "--samples", command.samples,
         "Number of samples for fd, kid, precision, recall and neighbours; evaluate.samples "
         "when not given")
      ->transform(whole_number(4, 10'000'000));
  app.add_option(
         "--seeds", command.seeds,
         "Makes the samples with this number of seeds, evaluate.seed and the following, and "
         "shows mean and spread of the figures")
      ->transform(whole_number(1, 1000));
  app.add_option(
         "--against", command.against.path,
         "Images to compare the distribution of the samples with, an HDF5 file or a folder, or "
         "their features, a safetensors file that an evaluation wrote into data.cache; the images "
         "of --data when not given")
      ->transform(a_path());
  app.add_option("--trust", command.trust,
                 "SHA-256 of a TorchScript file for evaluate.extractor=inception. Such a file is "
                 "code: gm loads it only if you have trusted it once on this machine");
  declare_weights(app, command.choice);
  app.add_option("--json", command.json, "Also write the figures to this JSON file; - for stdout")
      ->transform(a_path());
  app.add_option(
         "--image", command.image,
         "PNG file with eight images: original, masked, and inpainted by each method, with "
         "the difference below; without inpainting, the sixteen samples of each run that are "
         "nearest to an image, with this image beside each: to a training image with "
         "neighbours")
      ->transform(a_path());
  app.set_version_flag("--version", version_text());
  app.footer(
      "For example:\n"
      "  gm_eval runs/inpaint_cats runs/gan_inpaint_cats --image comparison.png\n"
      "  gm_eval runs/cats --metric loss --count 2000\n"
      "  gm_eval runs/cats --metric fd,kid,neighbours --samples 10000 --json figures.json");
}

std::vector<LoadedRun> open_runs(const EvalCommand& command, World& world) {
  const Positionals positionals(command.arguments);
  if (positionals.names.empty()) {
    throw InputError("give the directory of a run; see --help");
  }
  std::vector<LoadedRun> runs;
  for (const std::string& directory : positionals.names) {
    runs.push_back(load_run(directory, command.choice, positionals.assignments,
                            world.communicator(), world.device()));
  }
  return runs;
}

/// What an evaluation compares: its baselines, then the runs.
std::vector<Method> methods_of(Evaluation& evaluation, const std::vector<LoadedRun>& runs) {
  std::vector<Method> methods = evaluation.baselines();
  for (const LoadedRun& run : runs) methods.push_back(method_of(run));
  return methods;
}

/// What the evaluations found.
struct Findings {
  std::vector<Comparison> comparisons;
  std::optional<LabelledImages> images;  ///< For --image: of the first evaluation that draws.
};

/// The number of strips side by side with which the image is about as wide as high.
int64_t columns_for(const at::Tensor& strips) {
  const auto count = static_cast<double>(strips.size(0)),
             height = static_cast<double>(strips.size(1)),
             width = static_cast<double>(strips.size(2));
  return std::max<int64_t>(1, std::lround(std::sqrt(count * height / width)));
}

/// Writes the outputs. Prints the table to stdout if stdout is not another output. Files are
/// written first, because the reader of stdout may close it early.
void write(const EvalCommand& command, const Findings& findings) {
  const auto write_json = [&] {
    if (command.json.empty()) return;
    write_output(command.json, comparison_json(findings.comparisons));
    log_info("figures in {}", command.json);
  };
  if (!is_stdout(command.json)) write_json();
  if (!command.image.empty()) {
    write_image_grid(command.image, *findings.images,
                     {.columns = columns_for(findings.images->images)});
    log_info("{} images in {}", findings.images->images.size(0), command.image);
  }
  if (is_stdout(command.json)) write_json();
  if (!is_stdout(command.json) && !is_stdout(command.image)) {
    print(comparison_table(findings.comparisons));
  }
}

/// Throws InputError unless the outputs can be written without overwriting an input of the runs or
/// of the evaluation.
void check_files(const EvalCommand& command, const std::vector<LoadedRun>& runs) {
  const RunConfig& config = runs.front().config;
  if (!command.images.path.empty()) require_exists("--data", command.images.path);
  if (!command.against.path.empty()) require_exists("--against", command.against.path);
  std::vector<std::filesystem::path> inputs{
      command.images.path.empty() ? config.data.path : command.images.path,
      override_mask(config.mask, command.mask).path};
  if (!command.against.path.empty()) inputs.emplace_back(command.against.path);
  for (const LoadedRun& run : runs) inputs.push_back(config_file_of(run.name));
  check_outputs({{"--json", command.json}, {"--image", command.image, {".png"}}}, inputs);
}

/// The images on which all runs are compared. Throws InputError when they do not fit a run.
std::shared_ptr<const ImageDataset> open_common_images(const EvalCommand& command,
                                                       const std::vector<LoadedRun>& runs,
                                                       Communicator& ranks) {
  const std::string packed = prepare_data(runs.front(), command.images, ranks);
  const auto images = open_images(packed, runs.front(), command.images, ranks);
  for (const LoadedRun& run : runs) require_fit(*images, run);
  for (const LoadedRun& run : runs) on_rank_zero(ranks, [&] { warn_of_overlap(*images, run); });
  return images;
}

/// The images that all runs were trained on. Throws InputError when runs were trained on others.
std::shared_ptr<const ImageDataset> open_common_training_images(const std::vector<LoadedRun>& runs,
                                                                Communicator& ranks) {
  const auto images = open_training_part(runs.front(), ranks);
  for (const LoadedRun& run : runs) {
    // The data hash of a run also depends on its mask files.
    if (run.data_hash == runs.front().data_hash) continue;
    if (open_training_part(run, ranks)->content_hash() == images->content_hash()) continue;
    throw InputError(
        "{} and {} were trained on different images, which this evaluation compares with: evaluate "
        "them one by one",
        runs.front().name, run.name);
  }
  return images;
}

/// The stored features that --against names; empty if it names images.
std::filesystem::path features_of(const EvalCommand& command) {
  const std::filesystem::path against = command.against.path;
  return against.extension() == ".safetensors" ? against : std::filesystem::path();
}

/// The datasets are opened when an evaluation asks for them.
EvaluationInputs inputs_of(const EvalCommand& command, const std::vector<LoadedRun>& runs,
                           const EvaluateConfig& settings, World& world) {
  Communicator& ranks = world.communicator();
  const RunConfig& config = runs.front().config;
  const DatasetSource images =
      opened_once([&] { return open_common_images(command, runs, ranks); });
  const DatasetSource against = [&] {
    return open_references(prepare_data(runs.front(), command.against, ranks), ranks);
  };
  std::vector<DiffusionConfig> diffusion;
  for (const LoadedRun& run : runs) diffusion.push_back(run.config.diffusion);
  return {.images = images,
          .references = command.against.path.empty() ? images : opened_once(against),
          .training = opened_once([&] { return open_common_training_images(runs, ranks); }),
          .files = {.extractor = extractor_of(config, world.device(), ranks),
                    .features = features_of(command)},
          .mask = override_mask(config.mask, command.mask),
          .diffusion = std::move(diffusion),
          .config = settings,
          .cache = cache_folder(config.data.cache),
          .communicator = ranks,
          .seeds = command.seeds,
          .draws = !command.image.empty()};
}

/// Throws InputError unless the files that evaluations need can be used, and stored features are
/// those of the images that the user names. Called by all ranks.
void check_inputs(const EvalCommand& command, const EvaluationInputs& inputs) {
  check_evaluation_files(inputs.config.metrics, inputs.files, inputs.communicator);
  if (inputs.files.features.empty() || command.images.path.empty()) return;
  require_same_images(inputs.files.features, *inputs.images(), inputs.communicator);
}

/// The evaluation of the first run, with what the command line changes.
EvaluateConfig settings_of(const EvalCommand& command, const std::vector<LoadedRun>& runs) {
  EvaluateConfig settings = runs.front().config.evaluate;
  settings.count = command.count.value_or(settings.count);
  settings.samples = command.samples.value_or(settings.samples);
  if (!command.metrics.empty()) settings.metrics = command.metrics;
  return settings;
}

/// Throws InputError if an option has no effect.
void check_options(const EvalCommand& command, const std::string& metrics) {
  const auto check = [&](const char* option, bool is_given, bool EvaluationKind::*property,
                         const char* reason) {
    if (!is_given || any_evaluation(metrics, property)) return;
    throw InputError("{}: an evaluation of {} {}", option, metrics, reason);
  };
  constexpr auto kDraws = &EvaluationKind::draws, kMakesSamples = &EvaluationKind::makes_samples,
                 kTakesImages = &EvaluationKind::takes_images;
  check("--image", !command.image.empty(), kDraws, "draws no images");
  check("--samples", command.samples.has_value(), kMakesSamples, "makes no samples");
  check("--seeds", command.seeds > 1, kMakesSamples, "makes no samples");
  check("--against", !command.against.path.empty(), kMakesSamples, "makes no samples to compare");
  check("--count", command.count.has_value(), kTakesImages,
        "compares all images; --samples is the number of samples");
  check("--mask", !command.mask.empty(), kTakesImages, "masks no images");
}

/// Throws InputError if images for training would be taken for others.
void check_part(const EvalCommand& command, const std::string& metrics) {
  const ImageChoice& images = command.images;
  const bool has_training_images =
      images.path.empty() && images.part && *images.part != Part::kHeldOut;
  if (!has_training_images || !any_evaluation(metrics, &EvaluationKind::needs_held_out)) return;
  throw InputError(
      "--part {}: an evaluation of {} compares the images for training with others: leave --part "
      "out, or name other images with --data",
      name_of(*images.part), metrics);
}

/// Throws InputError unless the evaluations can evaluate the runs, and make what is asked for.
void check_metrics(const EvalCommand& command, const std::vector<LoadedRun>& runs,
                   const std::string& metrics) {
  for (const LoadedRun& run : runs) require_evaluations(*run.task, metrics, run.name);
  check_options(command, metrics);
  check_part(command, metrics);
}

/// Evaluates all methods. `begin_batch` is called before each batch. Called by all ranks.
Findings evaluate_all(const EvalCommand& command, const std::vector<LoadedRun>& runs,
                      const EvaluationInputs& inputs, const std::function<void()>& begin_batch) {
  Findings findings;
  for (const auto& evaluation : make_evaluations(inputs)) {
    const std::vector<Method> methods = methods_of(*evaluation, runs);
    findings.comparisons.push_back(compare(*evaluation, methods, begin_batch, inputs.communicator));
    if (command.image.empty() || findings.images) continue;
    findings.images = evaluation->draw(methods, {.begin_batch = begin_batch});
  }
  return findings;
}

void evaluate(World& world, const EvalCommand& command) {
  Communicator& ranks = world.communicator();
  require_same_kernels(ranks);
  Watchdog watchdog(world);
  // No time limit: packing a folder of images may take hours.
  auto section = std::make_optional(watchdog.section("data preparation", 0));
  const std::vector<LoadedRun> runs = open_runs(command, world);
  check_files(command, runs);
  if (!command.trust.empty()) trust_code(command.trust);
  const EvaluateConfig settings = settings_of(command, runs);
  check_metrics(command, runs, settings.metrics);
  const EvaluationInputs inputs = inputs_of(command, runs, settings, world);
  check_inputs(command, inputs);
  const double batch_seconds = runs.front().config.watchdog.evaluation_seconds;
  const auto begin_batch = [&] { section.emplace(watchdog.section("evaluation", batch_seconds)); };
  const Findings findings = evaluate_all(command, runs, inputs, begin_batch);
  section.emplace(watchdog.section("writing", 0));  // no time limit: a pipe may be slow
  on_rank_zero(ranks, [&] { write(command, findings); });
}

}  // namespace
}  // namespace gm

int main(int argc, char** argv) {
  CLI::App app(
      "Compares how well the models of runs inpaint images, their losses on training and held-out "
      "images, how realistic their samples are, and whether these copy training images.",
      "gm_eval");
  gm::run_command(app, argc, argv, gm::declare, gm::evaluate);
}
