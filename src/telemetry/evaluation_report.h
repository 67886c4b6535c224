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

/// What the figures depend on besides the method, by name: the images, the network that compares
/// them. Figures can be compared only if it is the same.
using Provenance = std::vector<std::pair<std::string, std::variant<int64_t, std::string>>>;

/// The figures of the samples of one seed.
struct SeedFigures {
  uint64_t seed = 0;
  Figures figures = {};
};

struct EvaluationReport {
  std::string name;                               ///< Of the evaluation: "inpainting".
  int64_t samples = 0;                            ///< Images that were evaluated.
  Figures figures = {};                           ///< Unique among the evaluations.
  std::optional<FigureBreakdown> breakdown = {};  ///< Shown by gm_eval, not during training.
  Provenance provenance = {};
  /// If samples of several seeds were evaluated; then `figures` has the means.
  std::vector<SeedFigures> by_seed = {};
};

/// {"evaluation": name, "samples", ...}: with the provenance, all that the figures depend on
/// besides the method.
nlohmann::ordered_json provenance_json(const EvaluationReport& report);
/// A hash of it: the figures of two reports can be compared only if it is the same.
std::string provenance_hash(const EvaluationReport& report);

}  // namespace gm
