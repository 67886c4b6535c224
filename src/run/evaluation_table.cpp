// The table of evaluations: one entry for each kind. A new evaluation needs a source in eval/ and
// an entry here.
#include "run/evaluation_table.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <ranges>

#include "base/cache_folder.h"
#include "base/enum_names.h"
#include "base/error.h"
#include "comm/on_rank_zero.h"
#include "eval/distribution_evaluation.h"
#include "eval/inpainting_evaluation.h"
#include "eval/loss_evaluation.h"
#include "eval/masked_dataset.h"
#include "eval/trusted_code.h"
#include "run/make_task.h"
#include "run/train_eval_overlap.h"

namespace gm {
namespace {

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

std::vector<std::string> all_metrics() {
  std::vector<std::string> all;
  for (const EvaluationKind& kind : evaluation_kinds()) {
    all.insert(all.end(), kind.metrics.begin(), kind.metrics.end());
  }
  return all;
}

/// The words of evaluate.metrics. Throws InputError if one is unknown, or if there are none.
std::vector<std::string> words_of(const std::string& metrics) {
  std::vector<std::string> words;
  for (const auto part : std::views::split(metrics, ',')) {
    std::string word(part.begin(), part.end());
    std::erase(word, ' ');
    if (!contains(all_metrics(), word)) {
      throw InputError(
          "evaluate.metrics: \"{}\" is none of {}{}", word, fmt::join(all_metrics(), ", "),
          word == "fid" ? "; the FID is fd with evaluate.extractor = \"inception\"" : "");
    }
    words.push_back(std::move(word));
  }
  return words;
}

/// Calls act(kind, chosen) for each kind that is asked for.
void for_chosen_kinds(const std::string& metrics,
                      const std::function<void(const EvaluationKind& kind,
                                               const std::vector<std::string>& chosen)>& act) {
  const std::vector<std::string> words = words_of(metrics);
  for (const EvaluationKind& kind : evaluation_kinds()) {
    std::vector<std::string> chosen;
    std::ranges::copy_if(kind.metrics, std::back_inserter(chosen),
                         [&](const std::string& metric) { return contains(words, metric); });
    if (!chosen.empty()) act(kind, chosen);
  }
}

std::shared_ptr<Evaluation> make_inpainting(const EvaluationInputs& in,
                                            const std::vector<std::string>& /*chosen*/) {
  return std::make_shared<InpaintingEvaluation>(
      MaskedDataset(in.images(), in.mask, static_cast<uint64_t>(in.config.seed)), in.config,
      in.communicator);
}

/// What the loss of a model is: its prediction, error, weights, noise schedule and timesteps.
Provenance loss_provenance(const DiffusionConfig& config) {
  std::string weight = name_of(config.loss_weight);
  if (config.loss_weight == LossWeightKind::kMinSnr) {
    weight += fmt::format(" {}", config.min_snr_gamma);
  }
  return {{"diffusion.prediction", name_of(config.prediction)},
          {"diffusion.loss", name_of(config.loss)},
          {"diffusion.loss_weight", weight},
          {"diffusion.schedule", name_of(config.schedule)},
          {"diffusion.steps", config.steps}};
}

std::shared_ptr<Evaluation> make_loss(const EvaluationInputs& in,
                                      const std::vector<std::string>& /*chosen*/) {
  const Provenance loss = loss_provenance(in.diffusion.front());
  for (const DiffusionConfig& other : in.diffusion) {
    if (loss_provenance(other) == loss) continue;
    throw InputError(
        "evaluate.metrics: the losses of models with different keys diffusion.prediction, loss, "
        "loss_weight, schedule or steps cannot be compared: evaluate the runs one by one");
  }
  return std::make_shared<LossEvaluation>(
      LossEvaluation::Images{.training = in.training(), .held_out = in.images()}, in.mask, loss,
      in.config, in.communicator);
}

DistributionMetrics distribution_metrics(const std::vector<std::string>& chosen) {
  return {.fd = contains(chosen, "fd"),
          .kid = contains(chosen, "kid"),
          .precision = contains(chosen, "precision"),
          .recall = contains(chosen, "recall"),
          .neighbours = contains(chosen, "neighbours")};
}

std::shared_ptr<Evaluation> make_distribution(const EvaluationInputs& in,
                                              const std::vector<std::string>& chosen) {
  DistributionMetrics metrics = distribution_metrics(chosen);
  metrics.pairs = in.draws;
  metrics.seeds = in.seeds;
  const FeatureSource source{
      .extractor = in.files.extractor(), .cache = in.cache, .batch_size = in.config.batch_size};
  const auto features_of = [&](const auto& images) {
    return std::make_shared<ReferenceFeatures>(images, source, in.config.samples, in.communicator);
  };
  ComparedImages compared{.references = in.files.features.empty() ? features_of(in.references())
                                                                  : features_of(in.files.features)};
  if (metrics.neighbours) {
    const auto held_out = in.images(), training = in.training();
    on_rank_zero(in.communicator, [&] { require_held_out(*held_out, *training); });
    compared.training = features_of(training);
    // A file may have no single features, which can be computed from images.
    const bool same = compared.references->images() &&
                      held_out->content_hash() == compared.references->key().data_hash;
    compared.held_out = same ? compared.references : features_of(held_out);
  }
  return std::make_shared<DistributionEvaluation>(compared, metrics, in.config, in.communicator);
}

void check_distribution_files(const EvaluationFiles& files, Communicator& communicator) {
  const auto extractor = files.extractor();
  if (files.features.empty()) return;
  require_same_extractor(stored_key(files.features, communicator), *extractor, files.features);
}

}  // namespace

ExtractorSource extractor_of(const RunConfig& config, at::Device device,
                             Communicator& communicator) {
  return opened_once([=, &communicator] {
    const ExtractorChoice choice{.kind = config.evaluate.extractor,
                                 .file = config.evaluate.extractor_file,
                                 .trusted = trusted_code(),
                                 .cache = cache_folder(config.data.cache)};
    return make_feature_extractor(choice, device, communicator);
  });
}

std::vector<EvaluationKind>& evaluation_kinds() {
  static std::vector<EvaluationKind> kinds{
      {.metrics = {"inpainting"},
       .draws = true,
       .takes_images = true,
       .require =
           [](Task& task, const std::string& asked) {
             require_inpainter(task, asked).check_inpainting();
           },
       .ranked_figures =
           [](const EvaluateConfig&, const std::vector<std::string>&) {
             return InpaintingEvaluation::ranked_figures();
           },
       .make = make_inpainting},
      {.metrics = {"loss"},
       .takes_images = true,
       .needs_held_out = true,
       .require = [](Task& task,
                     const std::string& asked) { require_diffusion_losses(task, asked); },
       .ranked_figures =
           [](const EvaluateConfig&, const std::vector<std::string>&) {
             return LossEvaluation::ranked_figures();
           },
       .make = make_loss},
      {.metrics = {"fd", "kid", "precision", "recall", "neighbours"},
       .draws = true,
       .makes_samples = true,
       .require = [](Task& task,
                     const std::string& asked) { require_image_generator(task, asked); },
       .check_files = check_distribution_files,
       .ranked_figures =
           [](const EvaluateConfig& config, const std::vector<std::string>& chosen) {
             return DistributionEvaluation::ranked_figures(distribution_metrics(chosen),
                                                           name_of(config.extractor));
           },
       .make = make_distribution},
  };
  return kinds;
}

void require_evaluations(Task& task, const std::string& metrics, const std::string& asked) {
  for_chosen_kinds(metrics, [&](const EvaluationKind& kind, const std::vector<std::string>&) {
    kind.require(task, asked);
  });
}

bool any_evaluation(const std::string& metrics, bool EvaluationKind::*property) {
  bool any = false;
  for_chosen_kinds(metrics, [&](const EvaluationKind& kind, const std::vector<std::string>&) {
    any = any || kind.*property;
  });
  return any;
}

void check_evaluation_files(const std::string& metrics, const EvaluationFiles& files,
                            Communicator& communicator) {
  for_chosen_kinds(metrics, [&](const EvaluationKind& kind, const std::vector<std::string>&) {
    if (kind.check_files) kind.check_files(files, communicator);
  });
}

RankedFigure require_ranked_figure(const EvaluateConfig& config, const std::string& name,
                                   const std::string& asked) {
  std::vector<RankedFigure> figures;
  for_chosen_kinds(
      config.metrics, [&](const EvaluationKind& kind, const std::vector<std::string>& chosen) {
        if (!kind.ranked_figures) return;
        std::ranges::move(kind.ranked_figures(config, chosen), std::back_inserter(figures));
      });
  const auto found = std::ranges::find(figures, name, &RankedFigure::name);
  if (found != figures.end()) return *found;
  std::vector<std::string> names;
  for (const RankedFigure& figure : figures) names.push_back(figure.name);
  throw InputError("{}: \"{}\" is no figure of evaluate.metrics = \"{}\"; its figures are {}",
                   asked, name, config.metrics, fmt::join(names, ", "));
}

std::vector<std::shared_ptr<Evaluation>> make_evaluations(const EvaluationInputs& inputs) {
  std::vector<std::shared_ptr<Evaluation>> evaluations;
  bool drawn = false;  // by an earlier one
  for_chosen_kinds(inputs.config.metrics,
                   [&](const EvaluationKind& kind, const std::vector<std::string>& chosen) {
                     EvaluationInputs of_kind = inputs;
                     of_kind.draws = inputs.draws && kind.draws && !drawn;
                     drawn = drawn || kind.draws;
                     evaluations.push_back(kind.make(of_kind, chosen));
                   });
  return evaluations;
}

}  // namespace gm
