/// The result of an evaluation, whatever its kind: shown in tables, metrics.jsonl, Prometheus and
/// the log.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace gm {

/// Figures by name, in the order in which they are shown: "psnr_masked", ...
using Figures = std::vector<std::pair<std::string, double>>;

/// The figure `name`; nullopt if there is none.
std::optional<double> find_figure(const Figures& figures, const std::string& name);

/// A figure by which models can be ranked.
struct RankedFigure {
  std::string name;
  bool higher_is_better = false;
};

/// The figures of the samples of which a quantity is at least `from` and less than `to`, or which
/// have a `label` in common.
struct FigureBin {
  double from = 0, to = 0;
  std::string label = {};  ///< Of the bins of a breakdown, all have one or none.
  int64_t samples = 0;
  Figures figures = {};
};

/// How the figures depend on a fraction or a label that each sample has.
struct FigureBreakdown {
  std::string key;                   ///< In JSON: "by_area". Unique among the evaluations.
  std::string fraction;              ///< In words: "masked fraction of the image", "class".
  std::string figure;                ///< The figure that a table shows; it is in each bin.
  std::vector<FigureBin> bins = {};  ///< Those without samples are left out.
};

/// What figures or images depend on, by name: a dataset, a network, the keys of a configuration.
using Provenance = std::vector<std::pair<std::string, std::variant<int64_t, double, std::string>>>;

/// The figures of the samples of one seed.
struct SeedFigures {
  uint64_t seed = 0;
  Figures figures = {};
};

struct EvaluationReport {
  std::string name;                               ///< Of the evaluation: "inpainting".
  int64_t samples = 0;                            ///< Images that were evaluated.
  std::string counted = "images";                 ///< What they are, for tables and messages.
  Figures figures = {};                           ///< Unique among the evaluations.
  std::optional<FigureBreakdown> breakdown = {};  ///< Shown by gm_eval, not during training.
  Provenance provenance = {};  ///< Besides the method: the images, the network that compares them.
  Provenance sampling = {};    ///< How the method made its images, if it made any.
  Provenance weights = {};     ///< Of the method; empty for a baseline.
  /// If samples of several seeds were evaluated; then `figures` has the means.
  std::vector<SeedFigures> by_seed = {};
};

/// {"evaluation": name, "samples", ...}: all that the figures depend on besides the method.
nlohmann::ordered_json evaluation_json(const EvaluationReport& report);
/// {"weights", ..., "sampler.kind", ...}: what they depend on of the method.
nlohmann::ordered_json method_json(const EvaluationReport& report);
/// Both, without the weights: the figures of different weights can be compared only if it is the
/// same.
nlohmann::ordered_json comparable_json(const EvaluationReport& report);
/// A hash of comparable_json().
std::string provenance_hash(const EvaluationReport& report);

}  // namespace gm
