/// The kinds of evaluations that gm_eval and evaluate.every choose from.
#pragma once

#include <c10/core/Device.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "data/image_dataset.h"
#include "data/mask_config.h"
#include "diffusion/diffusion_config.h"
#include "eval/evaluate_config.h"
#include "eval/evaluation.h"

namespace gm {

/// Opens a dataset, or returns the one that it has opened. Called by all ranks. Throws InputError
/// if the dataset cannot be used.
using DatasetSource = std::function<std::shared_ptr<const ImageDataset>()>;

/// Calls `open` when a dataset is asked for the first time.
DatasetSource opened_once(DatasetSource open);

/// What evaluations are made from. A dataset is opened only if an evaluation asks for it. The
/// communicator outlives the evaluations.
struct EvaluationInputs {
  DatasetSource images;      ///< To inpaint: held-out images, unless the user names others.
  DatasetSource references;  ///< To compare the distribution of samples with.
  DatasetSource training;    ///< The images that the model was trained on.
  /// Features of references that an evaluation stored, in place of `references`; empty: none.
  std::filesystem::path features = {};
  MaskConfig mask;
  /// What the losses of the models are; empty if no evaluation needs it.
  std::vector<DiffusionConfig> diffusion = {};
  EvaluateConfig config;
  std::filesystem::path cache;  ///< cache_folder().
  at::Device device;            ///< Of the tasks.
  Communicator& communicator;
  int64_t seeds = 1;   ///< Series of samples to compare: those of config.seed, config.seed + 1, ...
  bool draws = false;  ///< Whether Evaluation::draw() will be called, of the first that draws.
};

/// What names the files that evaluations need besides images: the members of EvaluationInputs.
struct EvaluationFiles {
  EvaluateConfig config;
  std::filesystem::path cache;
  std::filesystem::path features = {};
};

struct EvaluationKind {
  /// The words of evaluate.metrics that ask for the evaluation.
  std::vector<std::string> metrics;
  bool draws = false;          ///< Whether Evaluation::draw() makes images.
  bool makes_samples = false;  ///< So that it can be repeated with several seeds.
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
void check_evaluation_files(const EvaluationFiles& files, Communicator& communicator);
/// The figure `name` of the evaluations that config.metrics asks for. Throws InputError, with the
/// names of all of them, if there is none; `asked` names the key that asks for it.
RankedFigure require_ranked_figure(const EvaluateConfig& config, const std::string& name,
                                   const std::string& asked);
/// An evaluation of each kind that inputs.config.metrics asks for. Throws as require_evaluations().
std::vector<std::shared_ptr<Evaluation>> make_evaluations(const EvaluationInputs& inputs);

}  // namespace gm
