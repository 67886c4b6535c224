/// The evaluation "distribution": how the distribution of samples differs from that of images.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/image_dataset.h"
#include "eval/evaluate_config.h"
#include "eval/evaluation.h"
#include "eval/feature_extractor.h"
#include "eval/feature_set.h"

namespace gm {

/// The distances that a user chooses.
struct DistributionMetrics {
  bool fd = false;         ///< The Frechet distance (frechet_distance.h).
  bool kid = false;        ///< The kernel distance (kernel_distance.h).
  bool precision = false;  ///< And the recall (feature_neighbours.h).
  bool recall = false;

  /// Whether single features are needed, and not only their moments.
  bool need_all_features() const { return kid || precision || recall; }
};

/// Evaluates methods that are an ImageGenerator, by config.samples samples. The figures have the
/// name of the extractor, because distances in the features of different networks cannot be
/// compared: fd_NAME, kd_NAME, kd_NAME_error, kd_NAME_subsets, precision_NAME, recall_NAME. Only
/// those of the network "inception" are called fid and kid.
class DistributionEvaluation final : public Evaluation {
 public:
  /// Where the features come from.
  struct Features {
    std::shared_ptr<FeatureExtractor> extractor;
    std::filesystem::path cache;  ///< For the features of `images`.
  };

  /// Compares with all of `images`. The communicator outlives the evaluation.
  DistributionEvaluation(std::shared_ptr<const ImageDataset> images, DistributionMetrics metrics,
                         const EvaluateConfig& config, Features features,
                         Communicator& communicator);

  std::string name() const override { return "distribution"; }
  int64_t samples() const override { return config_.samples; }
  EvaluationReport run(const Method& method, const EvaluationObserver& observer) override;
  /// Eight samples of each method, each with the nearest image in the features beside it: a model
  /// that copies its training images shows pairs.
  std::optional<LabelledImages> draw(const std::vector<Method>& methods,
                                     const EvaluationObserver& observer) override;

 private:
  const FeatureSet& references(bool needs_all, const EvaluationObserver& observer);
  FeatureSet compute_references(bool keeps_all, const EvaluationObserver& observer);
  FeatureSet features_of_samples(ImageGenerator& generator, int64_t count, bool keeps_all,
                                 const EvaluationObserver& observer);
  Figures figures_of(const FeatureSet& samples, const FeatureSet& images);
  std::string figure_name(const std::string& distance) const;
  FeatureKey reference_key() const;
  Provenance provenance() const;
  void describe_work() const;

  std::shared_ptr<const ImageDataset> images_;
  DistributionMetrics metrics_;
  EvaluateConfig config_;
  Features features_;
  Communicator& communicator_;
  std::optional<FeatureSet> references_;  ///< Computed by the first run().
};

}  // namespace gm
