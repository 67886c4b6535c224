#include "eval/distribution_evaluation.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "comm/distributed_range.h"
#include "comm/on_rank_zero.h"
#include "data/read_images.h"
#include "device/transfer.h"
#include "eval/feature_blocks.h"
#include "eval/feature_neighbours.h"
#include "eval/frechet_distance.h"
#include "eval/kernel_distance.h"
#include "eval/sampling.h"
#include "image/float_resize.h"

namespace gm {
namespace {

constexpr int64_t kShownSamples = 8;

/// Samples and images may differ in channels; beside each other, both are RGB.
at::Tensor rgb_images(const at::Tensor& images) { return images.expand({-1, 3, -1, -1}); }

/// Rank 0 computes it for all, so that all have the same digits. The other ranks lend no cores, but
/// the decompositions of one matrix cannot be divided.
double frechet_distance_on_all_ranks(const FeatureStatistics& a, const FeatureStatistics& b,
                                     Communicator& communicator) {
  const at::Tensor distance = at::zeros({1}, at::kDouble);
  on_rank_zero(communicator, [&] { distance.fill_(frechet_distance(a, b)); });
  communicator.broadcast(distance, 0);
  return distance.item<double>();
}

}  // namespace

DistributionEvaluation::DistributionEvaluation(std::shared_ptr<const ImageDataset> images,
                                               DistributionMetrics metrics,
                                               const EvaluateConfig& config, Features features,
                                               Communicator& communicator)
    : images_(std::move(images)),
      metrics_(metrics),
      config_(config),
      features_(std::move(features)),
      communicator_(communicator) {
  constexpr int64_t kFewest = 4;
  if (images_->size() < kFewest) {
    throw InputError("{}: {} images; distances between distributions need at least {}",
                     images_->file_path(0).string(), images_->size(), kFewest);
  }
  if (communicator_.rank() == 0) describe_work();
}

void DistributionEvaluation::describe_work() const {
  const FeatureExtractor& extractor = *features_.extractor;
  const int64_t fewest = std::min(config_.samples, images_->size());
  log_info("distribution: {} samples, compared with {} images in {} features of {} (weights {})",
           config_.samples, images_->size(), extractor.dimension(), extractor.name(),
           extractor.weights_sha256());
  if (metrics_.need_all_features()) {
    const int64_t bytes =
        bytes_of_comparison(config_.samples, images_->size(), extractor.dimension());
    log_info("distribution: the comparison of all pairs takes {} MiB on each rank", bytes >> 20);
  }
  if (metrics_.fd && fewest <= extractor.dimension()) {
    log_warning(
        "distribution: {} images have a singular covariance in {} dimensions, so {} is too large; "
        "compare it only for equal numbers, or look at kid",
        fewest, extractor.dimension(), figure_name("fd"));
  }
}

std::string DistributionEvaluation::figure_name(const std::string& distance) const {
  const std::string network = features_.extractor->name();
  if (network == "inception" && distance == "fd") return "fid";
  if (network == "inception" && distance == "kd") return "kid";
  return distance + "_" + network;
}

FeatureSet DistributionEvaluation::compute_references(bool keeps_all,
                                                      const EvaluationObserver& observer) {
  FeatureExtractor& extractor = *features_.extractor;
  FeatureCollector collector(images_->size(), extractor.dimension(), keeps_all);
  const DistributedRange work{.count = images_->size(), .batch_size = config_.batch_size};
  for_each_rank_batch(work, communicator_, [&](const at::Tensor& items, int64_t valid) {
    observer.begin_batch();
    const at::Tensor indices = items.narrow(0, 0, valid);
    if (valid > 0) collector.add(indices, extractor.features(read_images(*images_, indices)));
  });
  return std::move(collector).of_all_ranks(communicator_);
}

FeatureKey DistributionEvaluation::reference_key() const {
  const FeatureExtractor& extractor = *features_.extractor;
  return {.data_hash = images_->content_hash(),
          .count = images_->size(),
          .extractor = extractor.name(),
          .weights_sha256 = extractor.weights_sha256(),
          .resize = kFeatureResize,
          .dimension = extractor.dimension()};
}

Provenance DistributionEvaluation::provenance() const {
  const FeatureKey key = reference_key();
  return {{"references", key.count},
          {"references_hash", key.data_hash},
          {"extractor", key.extractor},
          {"weights_sha256", key.weights_sha256},
          {"resize", key.resize}};
}

const FeatureSet& DistributionEvaluation::references(bool needs_all,
                                                     const EvaluationObserver& observer) {
  if (references_ && (!needs_all || references_->features.defined())) return *references_;
  const FeatureKey key = reference_key();
  FeatureCache cache(features_.cache, communicator_);
  references_ = cache.find(key, needs_all);
  if (!references_) {
    if (communicator_.rank() == 0) {
      log_info("distribution: computing the features of {} images, which are then kept in {}",
               images_->size(), features_.cache.string());
    }
    references_ = compute_references(needs_all, observer);
    cache.store(key, *references_);
  }
  return *references_;
}

FeatureSet DistributionEvaluation::features_of_samples(ImageGenerator& generator, int64_t count,
                                                       bool keeps_all,
                                                       const EvaluationObserver& observer) {
  FeatureExtractor& extractor = *features_.extractor;
  FeatureCollector collector(count, extractor.dimension(), keeps_all);
  const auto make = [&](const at::Tensor& indices, const SamplingObserver& each_step) {
    observer.begin_batch();
    return generator.sample({static_cast<uint64_t>(config_.seed), indices}, each_step);
  };
  const DistributedRange work{.count = count, .batch_size = config_.batch_size};
  sample_on_all_ranks(make, communicator_, work, [&](const SampleBatch& batch) {
    if (batch.indices.numel() > 0) collector.add(batch.indices, extractor.features(batch.images));
    observer.end_batch(config_.batch_size * communicator_.size());
  });
  return std::move(collector).of_all_ranks(communicator_);
}

Figures DistributionEvaluation::figures_of(const FeatureSet& samples, const FeatureSet& images) {
  Figures figures;
  if (metrics_.fd) {
    figures.emplace_back(
        figure_name("fd"),
        frechet_distance_on_all_ranks(samples.statistics, images.statistics, communicator_));
  }
  if (metrics_.kid) {
    const std::string kernel = figure_name("kd");
    const KernelDistance distance =
        kernel_distance(samples.features, images.features, communicator_);
    figures.emplace_back(kernel, distance.value);
    figures.emplace_back(kernel + "_error", distance.standard_error);
    figures.emplace_back(
        kernel + "_subsets",
        kernel_distance_of_subsets(samples.features, images.features,
                                   static_cast<uint64_t>(config_.seed), communicator_));
  }
  if (metrics_.precision || metrics_.recall) {
    const PrecisionAndRecall found =
        precision_and_recall(samples.features, images.features, communicator_);
    if (metrics_.precision) figures.emplace_back(figure_name("precision"), found.precision);
    if (metrics_.recall) figures.emplace_back(figure_name("recall"), found.recall);
  }
  return figures;
}

EvaluationReport DistributionEvaluation::run(const Method& method,
                                             const EvaluationObserver& observer) {
  const bool needs_all = metrics_.need_all_features();
  const FeatureSet& images = references(needs_all, observer);
  const FeatureSet samples =
      features_of_samples(*method.generator, config_.samples, needs_all, observer);
  observer.begin_batch();
  return {.name = name(),
          .samples = samples.statistics.count,
          .figures = figures_of(samples, images),
          .breakdown = {},
          .provenance = provenance()};
}

std::optional<LabelledImages> DistributionEvaluation::draw(const std::vector<Method>& methods,
                                                           const EvaluationObserver& observer) {
  const FeatureSet& images = references(/*needs_all=*/true, observer);
  const int64_t shown = std::min(kShownSamples, config_.samples);
  std::vector<at::Tensor> nearest;
  std::vector<std::string> labels;
  for (const Method& method : methods) {
    const FeatureSet samples =
        features_of_samples(*method.generator, shown, /*keeps_all=*/true, observer);
    nearest.push_back(nearest_neighbours(samples.features, images.features, communicator_).indices);
    labels.insert(labels.end(), {method.name, "nearest image"});
  }
  const auto make = [&](const at::Tensor& indices, const SamplingObserver& each_step) {
    std::vector<at::Tensor> columns;
    for (size_t m = 0; m < methods.size(); ++m) {
      observer.begin_batch();
      const at::Tensor samples = download(
          methods[m].generator->sample({static_cast<uint64_t>(config_.seed), indices}, each_step));
      const at::Tensor neighbours = read_images(*images_, nearest[m].index_select(0, indices));
      columns.push_back(rgb_images(samples));
      columns.push_back(rgb_images(resize_bicubic(neighbours, samples.size(2), samples.size(3))));
    }
    return at::cat(columns, /*dim=*/3);
  };
  return LabelledImages{gather_samples(make, communicator_, {.count = shown}), labels};
}

}  // namespace gm
