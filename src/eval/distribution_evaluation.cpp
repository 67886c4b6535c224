#include "eval/distribution_evaluation.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "base/log.h"
#include "comm/distributed_range.h"
#include "data/read_images.h"
#include "device/transfer.h"
#include "eval/class_distances.h"
#include "eval/feature_blocks.h"
#include "eval/frechet_distance.h"
#include "eval/kernel_distance.h"
#include "eval/memorisation.h"
#include "eval/sampling.h"
#include "image/float_resize.h"

namespace gm {
namespace {

constexpr int64_t kShownPairs = 16;

/// Samples and images may differ in channels; beside each other, both are RGB.
at::Tensor rgb_images(const at::Tensor& images) { return images.expand({-1, 3, -1, -1}); }

/// The name of a figure in the features of `network`.
std::string distance_name(const std::string& distance, const std::string& network) {
  if (network == "inception" && distance == "fd") return "fid";
  if (network == "inception" && distance == "kd") return "kid";
  return distance + "_" + network;
}

/// The mean of each figure. All seeds have the same figures.
Figures mean_of(const std::vector<SeedFigures>& by_seed) {
  Figures mean = by_seed.front().figures;
  for (size_t i = 0; i < mean.size(); ++i) {
    double sum = 0;
    for (const SeedFigures& of_seed : by_seed) sum += of_seed.figures[i].second;
    mean[i].second = sum / static_cast<double>(by_seed.size());
  }
  return mean;
}

/// The class of each image: int64 [n].
at::Tensor labels_of(const ImageDataset& images) {
  const at::Tensor labels = at::empty({images.size()}, at::kLong);
  auto values = labels.accessor<int64_t, 1>();
  for (int64_t i = 0; i < images.size(); ++i) values[i] = images.label(i);
  return labels;
}

void warn_of_copies(const std::string& method, double near) {
  if (near < kNearOfCopier) return;
  log_warning(
      "{} seems to copy training images: {:.0f} % of its samples are as near to one as the nearest "
      "{:.0f} % of held-out images; gm_eval --metric neighbours --image shows the nearest pairs",
      method.empty() ? "the model" : method, near * 100, kNearHeldOut * 100);
}

}  // namespace

DistributionEvaluation::DistributionEvaluation(const ComparedImages& compared,
                                               const DistributionMetrics& metrics,
                                               const EvaluateConfig& config,
                                               Communicator& communicator)
    : compared_(compared), metrics_(metrics), config_(config), communicator_(communicator) {
  constexpr int64_t kFewest = 4;
  if (compared_.references->key().count < kFewest) {
    throw InputError("{} images to compare with; distances between distributions need at least {}",
                     compared_.references->key().count, kFewest);
  }
  if (metrics_.pairs && !paired_images().images()) {
    throw InputError(
        "--image shows samples beside their nearest images, but a file of features has no images: "
        "name the images in its place with --against, or ask for --metric neighbours");
  }
  if (communicator_.rank() == 0) describe_work();
}

ReferenceFeatures& DistributionEvaluation::paired_images() const {
  return metrics_.neighbours ? *compared_.training : *compared_.references;
}

void DistributionEvaluation::describe_work() const {
  const FeatureKey& key = compared_.references->key();
  const int64_t fewest = std::min(config_.samples, key.count);
  log_info("distribution: {} samples, compared with {} images in {} features of {} (SHA-256 {})",
           config_.samples, key.count, key.dimension, key.extractor, key.extractor_sha256);
  if (metrics_.need_all_samples()) {
    const bool held_out_are_references = compared_.held_out == compared_.references;
    int64_t others = 0;
    if (metrics_.need_all_references() || held_out_are_references) others += key.count;
    if (metrics_.neighbours) others += compared_.training->key().count;
    if (metrics_.neighbours && !held_out_are_references) others += compared_.held_out->key().count;
    const int64_t bytes = bytes_of_comparison(config_.samples, others, key.dimension);
    log_info("distribution: the comparison of all pairs takes {} MiB on each rank", bytes >> 20);
  }
  if (metrics_.fd && fewest <= key.dimension) {
    log_warning(
        "distribution: {} images have a singular covariance in {} dimensions, so {} is too large; "
        "compare it only for equal numbers, or look at kid",
        fewest, key.dimension, figure_name("fd"));
  }
}

std::string DistributionEvaluation::figure_name(const std::string& distance) const {
  return distance_name(distance, compared_.references->key().extractor);
}

std::vector<RankedFigure> DistributionEvaluation::ranked_figures(const DistributionMetrics& metrics,
                                                                 const std::string& extractor) {
  std::vector<RankedFigure> figures;
  if (metrics.fd) figures.push_back({.name = distance_name("fd", extractor)});
  if (metrics.kid) figures.push_back({.name = distance_name("kd", extractor)});
  for (const auto& [is_chosen, name] :
       {std::pair(metrics.precision, "precision"), std::pair(metrics.recall, "recall")}) {
    if (!is_chosen) continue;
    figures.push_back({.name = distance_name(name, extractor), .higher_is_better = true});
  }
  return figures;
}

Provenance DistributionEvaluation::provenance() const {
  const FeatureKey& key = compared_.references->key();
  Provenance provenance{{"seed", config_.seed},
                        {"references", key.count},
                        {"references_hash", key.data_hash},
                        {"extractor", key.extractor},
                        {"extractor_sha256", key.extractor_sha256},
                        {"resize", key.resize}};
  if (floor_) provenance.emplace_back("floor_images", floor_->images);
  if (metrics_.neighbours) {
    provenance.emplace_back("training_images", compared_.training->key().count);
    provenance.emplace_back("held_out_images", compared_.held_out->key().count);
  }
  return provenance;
}

FeatureSet DistributionEvaluation::features_of_samples(ImageGenerator& generator, uint64_t seed,
                                                       const EvaluationObserver& observer) {
  FeatureExtractor& extractor = compared_.references->extractor();
  FeatureCollector collector(config_.samples, extractor.dimension(), metrics_.need_all_samples());
  const auto make = [&](const at::Tensor& indices, const SamplingObserver& each_step) {
    observer.begin_batch();
    return generator.sample({seed, indices}, each_step);
  };
  const DistributedRange work{.count = config_.samples, .batch_size = config_.batch_size};
  sample_on_all_ranks(make, communicator_, work, [&](const SampleBatch& batch) {
    if (batch.indices.numel() > 0) collector.add(batch.indices, extractor.features(batch.images));
    observer.end_batch(config_.batch_size * communicator_.size());
  });
  return std::move(collector).of_all_ranks(communicator_);
}

/// Before sampling: held-out images that cannot be used are found early.
void DistributionEvaluation::measure_held_out(const EvaluationObserver& observer) {
  if (!metrics_.neighbours || held_out_distances_.defined()) return;
  const FeatureSet& held_out = compared_.held_out->get(/*needs_all=*/true, observer);
  const FeatureSet& training = compared_.training->get(/*needs_all=*/true, observer);
  observer.begin_batch();
  held_out_distances_ =
      nearest_neighbours(held_out.features, training.features, communicator_).distances;
}

/// Each figure has the time limit of a batch.
Figures DistributionEvaluation::figures_of(const FeatureSet& samples, const FeatureSet& images,
                                           const EvaluationObserver& observer) {
  Figures figures;
  if (metrics_.fd) {
    observer.begin_batch();
    figures.emplace_back(figure_name("fd"),
                         frechet_distance(samples.statistics, images.statistics, communicator_));
  }
  if (metrics_.kid) {
    const std::string kernel = figure_name("kd");
    observer.begin_batch();
    const KernelDistance distance =
        kernel_distance(samples.features, images.features, communicator_);
    figures.emplace_back(kernel, distance.value);
    figures.emplace_back(kernel + "_error", distance.standard_error);
    observer.begin_batch();
    figures.emplace_back(
        kernel + "_subsets",
        kernel_distance_of_subsets(samples.features, images.features,
                                   static_cast<uint64_t>(config_.seed), communicator_));
  }
  if (metrics_.precision || metrics_.recall) {
    observer.begin_batch();
    const PrecisionAndRecall found =
        precision_and_recall(samples.features, images.features, communicator_);
    if (metrics_.precision) figures.emplace_back(figure_name("precision"), found.precision);
    if (metrics_.recall) figures.emplace_back(figure_name("recall"), found.recall);
  }
  return figures;
}

NearestNeighbours DistributionEvaluation::nearest_images(const FeatureSet& samples,
                                                         const EvaluationObserver& observer) {
  const FeatureSet& images = paired_images().get(/*needs_all=*/true, observer);
  observer.begin_batch();
  return nearest_neighbours(samples.features, images.features, communicator_);
}

Figures DistributionEvaluation::neighbour_figures(const NearestNeighbours& nearest) {
  const Memorisation found = memorisation(nearest.distances, held_out_distances_);
  return {{figure_name("neighbours_ratio"), found.ratio},
          {figure_name("neighbours_near"), found.near}};
}

/// By name if both have names, else by number. Called before samples are made.
std::optional<DistributionEvaluation::Classes> DistributionEvaluation::common_classes(
    const Method& method) const {
  const auto& images = compared_.references->images();
  const int64_t count = method.generator->classes();
  if (!metrics_.kid || count == 0 || !images || !images->has_labels()) return {};
  const std::vector<std::string>&ours = method.classes, &theirs = images->classes();
  if (!ours.empty() && !theirs.empty()) {
    return Classes{theirs, matching_labels(ours, theirs, method.name)};
  }
  Classes numbered{theirs.empty() ? ours : theirs, at::arange(count, at::kLong)};
  if (std::ssize(numbered.names) != count) return {};
  if (communicator_.rank() == 0) {
    log_info(
        "distribution: the classes of {} and of the images are matched by their numbers, because "
        "only one of them has names",
        method.name);
  }
  return numbered;
}

std::optional<FigureBreakdown> DistributionEvaluation::distances_by_class(
    const Method& method, const Classes& classes, const FeatureSet& samples,
    const FeatureSet& images) {
  FigureBreakdown by_class{.key = "by_class", .fraction = "class", .figure = figure_name("kd")};
  const at::Tensor labels = method.generator->labels(at::arange(config_.samples, at::kLong));
  by_class.bins = class_distances(
      {samples.features, classes.labels.index_select(0, labels)},
      {images.features, labels_of(*compared_.references->images())}, classes.names,
      {.frechet = metrics_.fd ? figure_name("fd") : "", .kernel = by_class.figure}, communicator_);
  if (by_class.bins.size() < classes.names.size() && communicator_.rank() == 0) {
    log_warning(
        "distribution: {} of the {} classes have fewer than {} samples or images, so they "
        "have no distance of their own",
        classes.names.size() - by_class.bins.size(), classes.names.size(), kFewestOfClass);
  }
  if (by_class.bins.empty()) return {};
  return by_class;
}

void DistributionEvaluation::measure_floor(const EvaluationObserver& observer) {
  if (!metrics_.fd || floor_) return;
  floor_ = compared_.references->floor(observer);
  if (!floor_ || communicator_.rank() != 0) return;
  log_info("distribution: {0}_floor compares {1} with {1} images, {0} {2} samples with {3} images",
           figure_name("fd"), floor_->images, config_.samples, compared_.references->key().count);
}

EvaluationReport DistributionEvaluation::run(const Method& method,
                                             const EvaluationObserver& observer) {
  const auto classes = common_classes(method);
  measure_held_out(observer);  // first: if these are the references, all features are kept
  const FeatureSet& images = compared_.references->get(metrics_.need_all_references(), observer);
  measure_floor(observer);
  std::vector<SeedFigures> by_seed;
  std::optional<FigureBreakdown> by_class;  // of the first seed, like the pairs
  for (int64_t i = 0; i < metrics_.seeds; ++i) {
    const uint64_t seed = static_cast<uint64_t>(config_.seed) + static_cast<uint64_t>(i);
    const FeatureSet samples = features_of_samples(*method.generator, seed, observer);
    Figures figures = figures_of(samples, images, observer);
    if (metrics_.neighbours || (metrics_.pairs && i == 0)) {
      NearestNeighbours nearest = nearest_images(samples, observer);
      if (metrics_.neighbours) {
        std::ranges::copy(neighbour_figures(nearest), std::back_inserter(figures));
      }
      if (i == 0) pairs_[method.name] = std::move(nearest);
    }
    if (i == 0 && classes) {
      observer.begin_batch();
      by_class = distances_by_class(method, *classes, samples, images);
    }
    by_seed.push_back({seed, std::move(figures)});
  }
  EvaluationReport report{.name = name(),
                          .samples = config_.samples,
                          .counted = "samples",
                          .figures = mean_of(by_seed),
                          .breakdown = std::move(by_class),
                          .provenance = provenance(),
                          .sampling = method.sampling};
  const auto near = find_figure(report.figures, figure_name("neighbours_near"));
  if (near && communicator_.rank() == 0) warn_of_copies(method.name, *near);
  if (floor_) report.figures.emplace_back(figure_name("fd") + "_floor", floor_->frechet);
  if (metrics_.seeds > 1) report.by_seed = std::move(by_seed);
  return report;
}

std::optional<LabelledImages> DistributionEvaluation::draw(const std::vector<Method>& methods,
                                                           const EvaluationObserver& observer) {
  const int64_t shown = std::min(kShownPairs, config_.samples);
  std::vector<at::Tensor> closest;  // of each method: its samples, the nearest to an image first
  std::vector<std::string> labels;
  for (const Method& method : methods) {
    closest.push_back(
        pairs_.at(method.name).distances.argsort(/*stable=*/true).narrow(0, 0, shown));
    labels.insert(labels.end(), {method.name, "nearest image"});
  }
  const auto make = [&](const at::Tensor& rows, const SamplingObserver& each_step) {
    std::vector<at::Tensor> columns;
    for (size_t m = 0; m < methods.size(); ++m) {
      observer.begin_batch();
      const at::Tensor indices = closest[m].index_select(0, rows);
      const at::Tensor samples = download(
          methods[m].generator->sample({static_cast<uint64_t>(config_.seed), indices}, each_step));
      const at::Tensor images = read_images(
          *paired_images().images(), pairs_.at(methods[m].name).indices.index_select(0, indices));
      columns.push_back(rgb_images(samples));
      columns.push_back(rgb_images(resize_bicubic(images, samples.size(2), samples.size(3))));
    }
    return at::cat(columns, /*dim=*/3);
  };
  return LabelledImages{gather_samples(make, communicator_, {.count = shown}), labels};
}

}  // namespace gm
