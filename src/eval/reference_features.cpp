#include "eval/reference_features.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "comm/distributed_range.h"
#include "data/read_images.h"
#include "eval/draw_indices.h"
#include "eval/frechet_distance.h"

namespace gm {
namespace {

/// A covariance needs two features.
constexpr int64_t kSmallestHalf = 2;

/// The images of the two halves: int64 [half] each.
std::pair<at::Tensor, at::Tensor> draw_halves(int64_t images, int64_t half) {
  const at::Tensor drawn =
      draw_indices(images, 2 * half, CounterRng(/*seed=*/0, Stream::kFeatureHalves, 0));
  return {drawn.narrow(0, 0, half), drawn.narrow(0, half, half)};
}

/// The moments of the two halves, from batches of features.
class HalvesCollector {
 public:
  HalvesCollector(int64_t images, int64_t half, int64_t dimension)
      : half_of_(at::full({images}, kNeither, at::kLong)) {
    const auto [first, second] = draw_halves(images, half);
    half_of_.index_fill_(0, first, 0).index_fill_(0, second, 1);
    for (int i = 0; i < 2; ++i) collectors_.emplace_back(half, dimension, /*keeps_all=*/false);
  }

  void add(const at::Tensor& indices, const at::Tensor& features) {
    const at::Tensor half = half_of_.index_select(0, indices);
    for (size_t i = 0; i < collectors_.size(); ++i) {
      const at::Tensor chosen = half.eq(static_cast<int64_t>(i)).nonzero().flatten();
      collectors_[i].add(indices.index_select(0, chosen),
                         features.index_select(0, chosen.to(features.device())));
    }
  }
  std::pair<FeatureSet, FeatureSet> of_all_ranks(Communicator& communicator) {
    FeatureSet first = std::move(collectors_[0]).of_all_ranks(communicator);
    return {std::move(first), std::move(collectors_[1]).of_all_ranks(communicator)};
  }

 private:
  static constexpr int64_t kNeither = -1;

  at::Tensor half_of_;
  std::vector<FeatureCollector> collectors_;
};

/// Of the features of `all` with the numbers `indices`.
FeatureSet statistics_of_part(const FeatureSet& all, const at::Tensor& indices,
                              Communicator& communicator) {
  return {.statistics = statistics_of(all.features.index_select(0, indices), communicator),
          .features = {}};
}

}  // namespace

ReferenceFeatures::ReferenceFeatures(std::shared_ptr<const ImageDataset> images,
                                     FeatureSource source, int64_t samples,
                                     Communicator& communicator)
    : images_(std::move(images)),
      source_(std::move(source)),
      communicator_(communicator),
      key_{.data_hash = images_->content_hash(),
           .count = images_->size(),
           .extractor = source_.extractor->name(),
           .extractor_sha256 = source_.extractor->weights_sha256(),
           .resize = kFeatureResize,
           .dimension = source_.extractor->dimension()},
      half_(std::min(samples, key_.count / 2)) {}

ReferenceFeatures::ReferenceFeatures(std::filesystem::path file, FeatureSource source,
                                     int64_t samples, Communicator& communicator)
    : file_(std::move(file)),
      source_(std::move(source)),
      communicator_(communicator),
      key_(stored_key(file_, communicator)),
      half_(std::min(samples, key_.count / 2)) {
  require_same_extractor(key_, *source_.extractor, file_);
}

void ReferenceFeatures::for_each_batch(
    const at::Tensor& wanted, const EvaluationObserver& observer,
    const std::function<void(const at::Tensor& indices, const at::Tensor& features)>& act) {
  const DistributedRange work{.count = wanted.numel(), .batch_size = source_.batch_size};
  for_each_rank_batch(work, communicator_, [&](const at::Tensor& items, int64_t valid) {
    observer.begin_batch();
    if (valid == 0) return;
    const at::Tensor indices = wanted.index_select(0, items.narrow(0, 0, valid));
    act(indices, source_.extractor->features(read_images(*images_, indices)));
  });
}

FeatureSet ReferenceFeatures::compute(bool keeps_all, const EvaluationObserver& observer) {
  FeatureCollector all(key_.count, key_.dimension, keeps_all);
  std::optional<HalvesCollector> halves;  // if they cannot be chosen later
  if (!keeps_all && half_ >= kSmallestHalf) halves.emplace(key_.count, half_, key_.dimension);
  for_each_batch(at::arange(key_.count, at::kLong), observer,
                 [&](const at::Tensor& indices, const at::Tensor& features) {
                   all.add(indices, features);
                   if (halves) halves->add(indices, features);
                 });
  if (halves) halves_ = halves->of_all_ranks(communicator_);
  return std::move(all).of_all_ranks(communicator_);
}

const FeatureSet& ReferenceFeatures::get(bool needs_all, const EvaluationObserver& observer) {
  if (set_ && (!needs_all || set_->features.defined())) return *set_;
  if (!images_) {
    set_ = load_features(file_, key_, needs_all, communicator_);
    return *set_;
  }
  FeatureCache cache(source_.cache, communicator_);
  set_ = cache.find(key_, needs_all);
  if (!set_) {
    if (communicator_.rank() == 0) {
      log_info("distribution: computing the features of {} images, which are then kept in {}",
               key_.count, cache.file_of(key_).string());
    }
    set_ = compute(needs_all, observer);
    cache.store(key_, *set_);
  }
  return *set_;
}

/// Single features that get() did not need, but that are stored.
std::optional<FeatureSet> ReferenceFeatures::find_stored_features() {
  if (images_) return FeatureCache(source_.cache, communicator_).find(key_, /*needs_all=*/true);
  if (!holds_all_features(file_, communicator_)) return std::nullopt;
  return load_features(file_, key_, /*needs_all=*/true, communicator_);
}

std::optional<ReferenceFeatures::Halves> ReferenceFeatures::halves(
    const EvaluationObserver& observer) {
  if (halves_) return halves_;
  const auto [first, second] = draw_halves(key_.count, half_);
  const auto all = set_->features.defined() ? set_ : find_stored_features();
  if (all) {
    return Halves{statistics_of_part(*all, first, communicator_),
                  statistics_of_part(*all, second, communicator_)};
  }
  if (!images_) return std::nullopt;
  HalvesCollector collector(key_.count, half_, key_.dimension);
  for_each_batch(at::cat({first, second}), observer,
                 [&](const at::Tensor& indices, const at::Tensor& features) {
                   collector.add(indices, features);
                 });
  return collector.of_all_ranks(communicator_);
}

std::optional<FloorDistance> ReferenceFeatures::floor(const EvaluationObserver& observer) {
  if (half_ < kSmallestHalf) return std::nullopt;
  FeatureCache cache(source_.cache, communicator_);
  auto distance = cache.find_floor(key_, half_);
  if (!distance) {
    const auto both = halves(observer);
    if (!both) {
      if (communicator_.rank() == 0) {
        log_info("distribution: no distance between halves: {} has no single features",
                 file_.string());
      }
      return std::nullopt;
    }
    observer.begin_batch();
    distance = frechet_distance(both->first.statistics, both->second.statistics, communicator_);
    cache.store_floor(key_, half_, *distance);
  }
  return FloorDistance{.images = half_, .frechet = *distance};
}

void require_same_extractor(const FeatureKey& key, const FeatureExtractor& extractor,
                            const std::filesystem::path& file) {
  if (key.extractor != extractor.name()) {
    throw InputError("{}: features of {}, but evaluate.extractor is {}", file.string(),
                     key.extractor, extractor.name());
  }
  if (key.extractor_sha256 != extractor.weights_sha256() ||
      key.dimension != extractor.dimension()) {
    throw InputError("{}: features of {} with other weights ({}, now {})", file.string(),
                     key.extractor, key.extractor_sha256, extractor.weights_sha256());
  }
  if (key.resize != kFeatureResize) {
    throw InputError("{}: features of images that were resized by \"{}\", now \"{}\"",
                     file.string(), key.resize, kFeatureResize);
  }
}

void require_same_images(const std::filesystem::path& file, const ImageDataset& images,
                         Communicator& communicator) {
  const FeatureKey key = stored_key(file, communicator);
  if (key.data_hash == images.content_hash()) return;
  throw InputError("{}: features of {} images with hash {}, but {} has {} with hash {}",
                   file.string(), key.count, key.data_hash, images.file_path(0).string(),
                   images.size(), images.content_hash());
}

}  // namespace gm
