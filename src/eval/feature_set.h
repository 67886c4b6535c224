/// The features of a set of images on all ranks, and files in which they are stored.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "comm/communicator.h"
#include "eval/feature_moments.h"

namespace gm {

/// What distances need of a set of images; the same on all ranks.
struct FeatureSet {
  FeatureStatistics statistics;
  at::Tensor features;  ///< float32 [n,D] on the CPU; undefined if only the statistics are kept.
};

/// Collects the features of images that all ranks compute together.
class FeatureCollector {
 public:
  /// The features of `count` images, of `dimension` values each. Without `keeps_all`, memory does
  /// not depend on the number of images; with it, 4 count * dimension bytes are needed on each
  /// rank.
  FeatureCollector(int64_t count, int64_t dimension, bool keeps_all);

  /// Adds features of this rank: of the images `indices` (int64 [n]), float [n,D] on any device.
  void add(const at::Tensor& indices, const at::Tensor& features);
  /// Ends the collection. Called by all ranks. Throws Error on all of them if a feature is NaN or
  /// infinite.
  FeatureSet of_all_ranks(Communicator& communicator) &&;

 private:
  FeatureMoments moments_;
  at::Tensor all_;
};

/// What stored features belong to.
struct FeatureKey {
  std::string data_hash;  ///< Of the images.
  int64_t count = 0;      ///< The number of images.
  std::string extractor;
  std::string extractor_sha256;
  std::string resize;
  int64_t dimension = 0;  ///< Of a feature.

  bool operator==(const FeatureKey&) const = default;
};

/// The key of a file of features, which FeatureCache wrote: a safetensors file with `mean`,
/// `covariance` and perhaps `features`. Only rank 0 reads it. Called by all ranks. Throws
/// InputError on all of them if the file is none.
FeatureKey stored_key(const std::filesystem::path& file, Communicator& communicator);
/// The features in `file`, which has this key. Only rank 0 reads it. Called by all ranks. Throws
/// InputError on all of them if the file is damaged, or has no single features although they are
/// needed.
FeatureSet load_features(const std::filesystem::path& file, const FeatureKey& key, bool needs_all,
                         Communicator& communicator);

/// Whether the file has single features, and not only statistics. As load_features().
bool holds_all_features(const std::filesystem::path& file, Communicator& communicator);

/// Files with the features of datasets, so that they are computed once for all runs and
/// evaluations. Only rank 0 reads and writes the folder.
class FeatureCache {
 public:
  FeatureCache(std::filesystem::path folder, Communicator& communicator)
      : folder_(std::move(folder)), communicator_(communicator) {}

  std::filesystem::path file_of(const FeatureKey& key) const;
  /// The features with this key; nullopt if they, or the single features that are needed, are not
  /// there, or if the file is damaged. Called by all ranks.
  std::optional<FeatureSet> find(const FeatureKey& key, bool needs_all);
  /// Stores the features. A failure is a warning: they can be computed again. Called by all ranks.
  void store(const FeatureKey& key, const FeatureSet& set);

  /// The Frechet distance between two halves of `half` images each; nullopt if it is not there, or
  /// if the file is damaged. Called by all ranks.
  std::optional<double> find_floor(const FeatureKey& key, int64_t half);
  /// Stores it. As store().
  void store_floor(const FeatureKey& key, int64_t half, double distance);

 private:
  std::filesystem::path floor_file_of(const FeatureKey& key, int64_t half) const;

  std::filesystem::path folder_;
  Communicator& communicator_;
};

}  // namespace gm
