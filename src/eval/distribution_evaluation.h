/// The evaluation "distribution": how the distribution of samples differs from that of images.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eval/evaluate_config.h"
#include "eval/evaluation.h"
#include "eval/feature_neighbours.h"
#include "eval/feature_set.h"
#include "eval/reference_features.h"

namespace gm {

/// What a user wants to know about samples.
struct DistributionMetrics {
  bool fd = false;         ///< The Frechet distance (frechet_distance.h).
  bool kid = false;        ///< The kernel distance (kernel_distance.h).
  bool precision = false;  ///< And the recall (feature_neighbours.h).
  bool recall = false;
  bool neighbours = false;  ///< Whether they copy training images (memorisation.h).
  bool pairs = false;       ///< Samples beside their nearest images, for draw().
  int64_t seeds = 1;        ///< Series of samples: those of config.seed, config.seed + 1, ...

  /// Whether single features of the references are needed, and not only their moments.
  bool need_all_references() const { return kid || precision || recall || (pairs && !neighbours); }
  /// The same of the samples. Those of the other images are always needed.
  bool need_all_samples() const { return need_all_references() || neighbours; }
};

/// The images that samples are compared with.
struct ComparedImages {
  std::shared_ptr<ReferenceFeatures> references;
  /// For `neighbours`; null without.
  std::shared_ptr<ReferenceFeatures> training = nullptr, held_out = nullptr;
};

/// Evaluates methods that are an ImageGenerator, by config.samples samples of each seed. The
/// figures have the name of the extractor, because distances in the features of different networks
/// cannot be compared: fd_NAME, kd_NAME, kd_NAME_error, kd_NAME_subsets, precision_NAME,
/// recall_NAME, neighbours_ratio_NAME, neighbours_near_NAME; fd_NAME_floor is the FloorDistance.
/// Only those of the network "inception" are called fid and kid. If the model and the references
/// have classes, and kid is asked for, the distances of each class too. Classes are matched by
/// name, or by number if only one side has names, and equally many. run() throws InputError for
/// references of a class that the model does not know.
class DistributionEvaluation final : public Evaluation {
 public:
  /// The communicator outlives the evaluation.
  DistributionEvaluation(const ComparedImages& compared, const DistributionMetrics& metrics,
                         const EvaluateConfig& config, Communicator& communicator);

  /// The figures by which models can be ranked, in the features of `extractor`.
  static std::vector<RankedFigure> ranked_figures(const DistributionMetrics& metrics,
                                                  const std::string& extractor);

  std::string name() const override { return "distribution"; }
  int64_t samples() const override { return config_.samples * metrics_.seeds; }
  EvaluationReport run(const Method& method, const EvaluationObserver& observer) override;
  /// The samples of each method that are nearest to an image, with this image beside each, the
  /// nearest first: a model that copies shows pairs. The images are those for training if
  /// `neighbours` is asked for, else the references. Expects that run() was called for the methods.
  std::optional<LabelledImages> draw(const std::vector<Method>& methods,
                                     const EvaluationObserver& observer) override;

 private:
  /// Of the images; the label that they have for each label of a model.
  struct Classes {
    std::vector<std::string> names;
    at::Tensor labels;
  };

  FeatureSet features_of_samples(ImageGenerator& generator, uint64_t seed,
                                 const EvaluationObserver& observer);
  void measure_held_out(const EvaluationObserver& observer);
  Figures figures_of(const FeatureSet& samples, const FeatureSet& images,
                     const EvaluationObserver& observer);
  NearestNeighbours nearest_images(const FeatureSet& samples, const EvaluationObserver& observer);
  Figures neighbour_figures(const NearestNeighbours& nearest);
  std::optional<Classes> common_classes(const Method& method) const;
  std::optional<FigureBreakdown> distances_by_class(const Method& method, const Classes& classes,
                                                    const FeatureSet& samples,
                                                    const FeatureSet& images);
  void measure_floor(const EvaluationObserver& observer);
  ReferenceFeatures& paired_images() const;
  std::string figure_name(const std::string& distance) const;
  Provenance provenance() const;
  void describe_work() const;

  ComparedImages compared_;
  DistributionMetrics metrics_;
  EvaluateConfig config_;
  Communicator& communicator_;
  std::optional<FloorDistance> floor_;              ///< Of the references, if fd is asked for.
  at::Tensor held_out_distances_;                   ///< Of held-out images to training images.
  std::map<std::string, NearestNeighbours> pairs_;  ///< By method: of the samples of config.seed.
};

}  // namespace gm
