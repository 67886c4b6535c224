/// The features of the images that samples are compared with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "data/image_dataset.h"
#include "eval/evaluation.h"
#include "eval/feature_extractor.h"
#include "eval/feature_set.h"

namespace gm {

/// How features are computed and where they are kept.
struct FeatureSource {
  std::shared_ptr<FeatureExtractor> extractor;
  std::filesystem::path cache;
  int64_t batch_size = 64;  ///< Images that a rank takes at a time.
};

/// The Frechet distance between two halves of the same images. It is an upper estimate of what the
/// samples of the same distribution would have: fewer images have a larger distance, and a half is
/// no larger than the sets that are compared.
struct FloorDistance {
  int64_t images = 0;  ///< Of each half: as many as there are samples, or half of the images.
  double frechet = 0;
};

/// All functions are called by all ranks, which get the same. They throw as Evaluation::run().
class ReferenceFeatures {
 public:
  /// Of `images`, computed when they are asked for and kept in the cache. `samples` is the number
  /// of samples that they are compared with, which floor() uses. The communicator outlives this.
  ReferenceFeatures(std::shared_ptr<const ImageDataset> images, FeatureSource source,
                    int64_t samples, Communicator& communicator);
  /// Those that an evaluation stored in `file`. Throws InputError if they come from another
  /// extractor.
  ReferenceFeatures(std::filesystem::path file, FeatureSource source, int64_t samples,
                    Communicator& communicator);

  const FeatureKey& key() const { return key_; }
  FeatureExtractor& extractor() const { return *source_.extractor; }
  /// Null for those of a file.
  const std::shared_ptr<const ImageDataset>& images() const { return images_; }

  /// Throws InputError if single features are needed and a file has none.
  const FeatureSet& get(bool needs_all, const EvaluationObserver& observer);
  /// The distance between two random halves, which are the same in all evaluations; nullopt if
  /// there are too few images, or only their statistics. Expects that get() was called.
  std::optional<FloorDistance> floor(const EvaluationObserver& observer);

 private:
  using Halves = std::pair<FeatureSet, FeatureSet>;

  FeatureSet compute(bool keeps_all, const EvaluationObserver& observer);
  std::optional<FeatureSet> find_stored_features();
  std::optional<Halves> halves(const EvaluationObserver& observer);
  void for_each_batch(
      const at::Tensor& wanted, const EvaluationObserver& observer,
      const std::function<void(const at::Tensor& indices, const at::Tensor& features)>& act);

  std::shared_ptr<const ImageDataset> images_;
  std::filesystem::path file_;
  FeatureSource source_;
  Communicator& communicator_;
  FeatureKey key_;
  int64_t half_;  ///< Images of a half.
  std::optional<FeatureSet> set_;
  std::optional<Halves> halves_;  ///< Their statistics, if they came with those of all images.
};

/// Throws InputError, which names `file`, unless features with this key can be compared with those
/// of `extractor`.
void require_same_extractor(const FeatureKey& key, const FeatureExtractor& extractor,
                            const std::filesystem::path& file);

/// Throws InputError, which names both, unless `file` holds the features of `images`. Called by all
/// ranks.
void require_same_images(const std::filesystem::path& file, const ImageDataset& images,
                         Communicator& communicator);

}  // namespace gm
