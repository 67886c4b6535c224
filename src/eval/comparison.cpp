#include "eval/comparison.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/log.h"
#include "base/progress_bar.h"
#include "eval/seed_spread.h"

namespace gm {
namespace {

using Json = nlohmann::ordered_json;

size_t longest_name(const std::vector<Comparison>& comparisons) {
  constexpr size_t kMethod = 6, kDeviation = 11;  // what else is in the column
  size_t longest = kMethod;
  for (const Comparison& comparison : comparisons) {
    for (const MethodReport& entry : comparison) {
      longest = std::max(longest, entry.method.size());
      if (!entry.report.by_seed.empty()) longest = std::max(longest, kDeviation);
    }
  }
  return longest;
}

std::string row(size_t label_width, const std::string& label,
                const std::vector<std::string>& cells) {
  std::string text = fmt::format("{:<{}}", label, label_width);
  for (const std::string& cell : cells) text += fmt::format("  {:>14}", cell);
  return text + "\n";
}

/// Small figures, such as kernel distances, keep their digits.
std::string figure_text(double value) {
  const bool is_small = value != 0 && std::abs(value) < 0.01;
  return is_small ? fmt::format("{:.3e}", value) : fmt::format("{:.4f}", value);
}

/// Below the means: how much the figures differ between seeds.
std::string spread_rows(const std::vector<SeedFigures>& by_seed, size_t width) {
  const std::vector<FigureSpread> spreads = spread_of(by_seed);
  const auto row_of = [&](const char* label, double FigureSpread::*value) {
    std::vector<std::string> cells;
    for (const FigureSpread& spread : spreads) {
      cells.push_back(fmt::format("{:>{}}", figure_text(spread.*value), spread.figure.size()));
    }
    return row(width, label, cells);
  };
  return row_of("  deviation", &FigureSpread::deviation) +
         row_of("  smallest", &FigureSpread::smallest) +
         row_of("  largest", &FigureSpread::largest);
}

std::string figures_table(const Comparison& comparison, size_t width) {
  std::vector<std::string> names;
  for (const auto& [name, value] : comparison.front().report.figures) names.push_back(name);
  std::string text = row(width, "method", names);
  for (const auto& [method, report] : comparison) {
    std::vector<std::string> cells;
    for (const auto& [name, value] : report.figures) {
      cells.push_back(fmt::format("{:>{}}", figure_text(value), name.size()));  // below its name
    }
    text += row(width, method, cells);
    if (!report.by_seed.empty()) text += spread_rows(report.by_seed, width);
  }
  return text;
}

bool is_same_bin(const FigureBin& a, const FigureBin& b) {
  return a.label == b.label && a.from == b.from && a.to == b.to;
}

/// The bins of all methods, each once. Models may have different bins, or none: only those with
/// classes have distances by class.
std::vector<FigureBin> bins_of(const Comparison& comparison) {
  std::vector<FigureBin> bins;
  for (const auto& [method, report] : comparison) {
    if (!report.breakdown) continue;
    for (const FigureBin& bin : report.breakdown->bins) {
      const auto is_same = [&](const FigureBin& known) { return is_same_bin(known, bin); };
      if (std::ranges::none_of(bins, is_same)) bins.push_back(bin);
    }
  }
  std::ranges::stable_sort(bins, {}, &FigureBin::from);  // bins with labels keep their order
  return bins;
}

/// The figure that the table shows of a bin; empty if the method does not have the bin.
std::string bin_text(const EvaluationReport& report, const FigureBin& bin) {
  if (!report.breakdown) return "";
  const auto& [key, fraction, figure, bins] = *report.breakdown;
  const auto found =
      std::ranges::find_if(bins, [&](const FigureBin& own) { return is_same_bin(own, bin); });
  if (found == bins.end()) return "";
  const double value = *find_figure(found->figures, figure);
  return std::abs(value) < 1 ? figure_text(value) : fmt::format("{:.2f}", value);
}

/// A column for each bin; empty if no method has a breakdown.
std::string breakdown_table(const Comparison& comparison, size_t width) {
  const auto has_breakdown = [](const MethodReport& entry) {
    return entry.report.breakdown.has_value();
  };
  const auto first = std::ranges::find_if(comparison, has_breakdown);
  if (first == comparison.end()) return "";
  const std::vector<FigureBin> bins = bins_of(comparison);
  std::vector<std::string> names;
  for (const FigureBin& bin : bins) {
    const std::string range = fmt::format("{:.0f}-{:.0f} %", bin.from * 100, bin.to * 100);
    names.push_back(fmt::format("{} ({})", bin.label.empty() ? range : bin.label, bin.samples));
  }
  const FigureBreakdown& shown = *first->report.breakdown;
  std::string text = fmt::format("\n{} by {} (number of images)\n", shown.figure, shown.fraction) +
                     row(width, "method", names);
  for (const auto& [method, report] : comparison) {
    std::vector<std::string> cells;
    for (const FigureBin& bin : bins) cells.push_back(bin_text(report, bin));
    text += row(width, method, cells);
  }
  return text;
}

std::string text_of(const Provenance& provenance) {
  std::vector<std::string> fields;
  for (const auto& [name, value] : provenance) {
    std::visit([&](const auto& held) { fields.push_back(fmt::format("{} {}", name, held)); },
               value);
  }
  return fmt::to_string(fmt::join(fields, ", "));
}

/// A line for the evaluation, "distribution: samples 5000, references 1000, ...", and one for each
/// method that depends on something.
std::string provenance_lines(const Comparison& comparison) {
  const EvaluationReport& any = comparison.front().report;
  std::string text = fmt::format("{}: {} {}", any.name, any.counted, any.samples);
  if (!any.provenance.empty()) text += ", " + text_of(any.provenance);
  text += "\n";
  for (const auto& [method, report] : comparison) {
    Provenance own = report.weights;
    own.insert(own.end(), report.sampling.begin(), report.sampling.end());
    if (!own.empty()) text += fmt::format("{}: {}\n", method, text_of(own));
  }
  return text;
}

void add_figures(const Figures& figures, Json& json) {
  for (const auto& [name, value] : figures) json[name] = value;
}

void add_seeds(const std::vector<SeedFigures>& by_seed, Json& method) {
  for (const auto& [seed, figures] : by_seed) {
    Json entry{{"seed", seed}};
    add_figures(figures, entry);
    method["seeds"].push_back(std::move(entry));
  }
  for (const FigureSpread& spread : spread_of(by_seed)) {
    method["spread"][spread.figure] = {{"deviation", spread.deviation},
                                       {"smallest", spread.smallest},
                                       {"largest", spread.largest}};
  }
}

void add_report(const EvaluationReport& report, Json& method) {
  method.update(method_json(report));
  add_figures(report.figures, method);
  if (!report.by_seed.empty()) add_seeds(report.by_seed, method);
  if (!report.breakdown) return;
  for (const FigureBin& bin : report.breakdown->bins) {
    Json entry =
        bin.label.empty() ? Json{{"from", bin.from}, {"to", bin.to}} : Json{{"label", bin.label}};
    entry["images"] = bin.samples;
    add_figures(bin.figures, entry);
    method[report.breakdown->key].push_back(std::move(entry));
  }
}

/// Adds the reports to the objects of `methods` with the same names, or to new objects. A run may
/// be named twice; then both have an object.
void add_comparison(const Comparison& comparison, Json& methods) {
  const size_t known = methods.size();
  size_t next = 0;  // the runs have the same order in each comparison
  for (const auto& [method, report] : comparison) {
    size_t i = next;
    while (i < known && methods[i]["name"] != method) ++i;
    if (i < known) {
      next = i + 1;
    } else {
      i = methods.size();
      methods.push_back(Json{{"name", method}});
    }
    add_report(report, methods[i]);
  }
}

}  // namespace

Comparison compare(Evaluation& evaluation, const std::vector<Method>& methods,
                   const std::function<void()>& begin_batch, Communicator& communicator) {
  Comparison comparison;
  for (const Method& method : methods) {
    std::optional<ProgressBar> progress;  // of rank 0
    if (communicator.rank() == 0) progress.emplace(method.name, evaluation.samples());
    const EvaluationObserver observer{.begin_batch = begin_batch,
                                      .end_batch = [&](int64_t samples) {
                                        if (progress) progress->advance(samples);
                                      }};
    EvaluationReport report = evaluation.run(method, observer);
    report.weights = method.weights;
    progress.reset();
    log_info("{}: {} {} evaluated", method.name, report.samples, report.counted);
    comparison.push_back({method.name, std::move(report)});
  }
  return comparison;
}

std::string comparison_table(const std::vector<Comparison>& comparisons) {
  const size_t width = longest_name(comparisons);
  std::string text;
  for (const Comparison& comparison : comparisons) {
    if (!text.empty()) text += "\n";
    text += provenance_lines(comparison) + figures_table(comparison, width) +
            breakdown_table(comparison, width);
  }
  return text;
}

std::string comparison_json(const std::vector<Comparison>& comparisons) {
  Json evaluations = Json::array(), methods = Json::array();
  for (const Comparison& comparison : comparisons) {
    evaluations.push_back(evaluation_json(comparison.front().report));
    add_comparison(comparison, methods);
  }
  const Json all{{"evaluations", std::move(evaluations)}, {"methods", std::move(methods)}};
  return all.dump(2) + "\n";
}

}  // namespace gm
