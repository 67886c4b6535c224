/// The kinds of evaluations that gm_eval and evaluate.every choose from.
#pragma once

#include <c10/core/Device.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "comm/communicator.h"
#include "config/run_config.h"
#include "data/image_dataset.h"
#include "data/mask_config.h"
#include "diffusion/diffusion_config.h"
#include "eval/evaluate_config.h"
#include "eval/evaluation.h"
#include "eval/feature_extractor.h"

namespace gm {

/// Opens a dataset, or returns the one that it has opened. Called by all ranks. Throws InputError
/// if the dataset cannot be used.
using DatasetSource = std::function<std::shared_ptr<const ImageDataset>()>;

/// Calls `open`, which returns a pointer, when it is called for the first time.
template <class Open>
auto opened_once(Open open) {
  const auto opened = std::make_shared<std::invoke_result_t<Open>>();
  return [open = std::move(open), opened] {
    if (!*opened) *opened = open();
    return *opened;
  };
}

/// Loads the network that computes features, or returns the one that it has loaded. Called by all
/// ranks. Throws InputError if its file cannot be used.
using ExtractorSource = std::function<std::shared_ptr<FeatureExtractor>()>;

/// That of config.evaluate.extractor, loaded when it is asked for the first time. `communicator`
/// outlives the source.
ExtractorSource extractor_of(const RunConfig& config, at::Device device,
                             Communicator& communicator);

/// What evaluations need besides images.
struct EvaluationFiles {
  ExtractorSource extractor;
  /// Features of references that an evaluation stored, in place of these; empty: none.
  std::filesystem::path features = {};
};

/// What evaluations are made from. A dataset is opened only if an evaluation asks for it. The
/// communicator outlives the evaluations.
struct EvaluationInputs {
  DatasetSource images;      ///< To inpaint: held-out images, unless the user names others.
  DatasetSource references;  ///< To compare the distribution of samples with.
  DatasetSource training;    ///< The images that the model was trained on.
  EvaluationFiles files;
  MaskConfig mask;
  /// What the losses of the models are; empty if no evaluation needs it.
  std::vector<DiffusionConfig> diffusion = {};
  EvaluateConfig config;
  std::filesystem::path cache;  ///< cache_folder().
  Communicator& communicator;
  int64_t seeds = 1;   ///< Series of samples to compare: those of config.seed, config.seed + 1, ...
  bool draws = false;  ///< Whether Evaluation::draw() will be called, of the first that draws.
};

struct EvaluationKind {
  /// The words of evaluate.metrics that ask for the evaluation.
  std::vector<std::string> metrics;
  bool draws = false;           ///< Whether Evaluation::draw() makes images.
  bool makes_samples = false;   ///< evaluate.samples of them, of one or several seeds.
  bool takes_images = false;    ///< evaluate.count of them, which may be masked.
  bool needs_held_out = false;  ///< It compares training images with others.
  /// Throws InputError unless the evaluation can evaluate `task`; `asked` names the run, the option
  /// or the key that asks for it. Needs no images, so programs call it before they pack any.
  std::function<void(Task& task, const std::string& asked)> require;
  /// Throws InputError on all ranks unless the files that the evaluation needs besides images, such
  /// as the weights of a network, can be used. Called by all ranks; may be empty.
  std::function<void(const EvaluationFiles& files, Communicator&)> check_files = {};
  /// The figures by which models can be ranked, of those that `chosen` asks for; may be empty.
  std::function<std::vector<RankedFigure>(const EvaluateConfig&,
                                          const std::vector<std::string>& chosen)>
      ranked_figures = {};
  /// `chosen`: those of `metrics` that the user wants. Called by all ranks. Throws InputError if
  /// the images, masks or the feature extractor cannot be used.
  std::function<std::shared_ptr<Evaluation>(const EvaluationInputs&,
                                            const std::vector<std::string>& chosen)>
      make;
};

/// All kinds, in the order in which their figures are shown.
std::vector<EvaluationKind>& evaluation_kinds();

/// The `require` of the kinds that `metrics` (evaluate.metrics) asks for. Throws InputError also
/// for an unknown word.
void require_evaluations(Task& task, const std::string& metrics, const std::string& asked);
/// Whether a kind that `metrics` asks for has this property: &EvaluationKind::draws.
bool any_evaluation(const std::string& metrics, bool EvaluationKind::*property);
/// The `check_files` of the same kinds. Called by all ranks, before images are packed.
void check_evaluation_files(const std::string& metrics, const EvaluationFiles& files,
                            Communicator& communicator);
/// The figure `name` of the evaluations that config.metrics asks for. Throws InputError, with the
/// names of all of them, if there is none; `asked` names the key that asks for it.
RankedFigure require_ranked_figure(const EvaluateConfig& config, const std::string& name,
                                   const std::string& asked);
/// An evaluation of each kind that inputs.config.metrics asks for. Throws as require_evaluations().
std::vector<std::shared_ptr<Evaluation>> make_evaluations(const EvaluationInputs& inputs);

}  // namespace gm
