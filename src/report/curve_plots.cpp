#include "report/curve_plots.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace gm {
namespace {

using Runs = std::vector<RunRecord>;
using Style = PlotCurve::Style;

/// More raw curves than this hide each other.
constexpr size_t kMostRawCurves = 3;
constexpr size_t kMostMarks = 50;
constexpr const char* kLossGap = "loss_gap";  // the distance of two curves that are drawn

/// Curve `name` smoothed, on top of its raw values if `with_raw`. A short curve stays as it is.
std::vector<PlotCurve> smoothed_on_raw(const DownsampledCurve& curve, const std::string& name,
                                       int color, bool with_raw) {
  std::vector<Point> smooth = curve.smoothed();
  if (smooth.empty()) return {{name, curve.extremes(), color, Style::kLine}};
  std::vector<PlotCurve> curves;
  if (with_raw) curves.push_back({name + ", each step", curve.extremes(), color, Style::kFaint});
  curves.push_back({name, std::move(smooth), color, Style::kLine});
  return curves;
}

/// The field `field` of the training lines of all runs.
std::vector<PlotCurve> compared(const Runs& runs, const std::string& field,
                                const std::string& name) {
  std::vector<PlotCurve> curves;
  for (size_t i = 0; i < runs.size(); ++i) {
    const DownsampledCurve* curve = runs[i].curve(field);
    if (curve == nullptr) continue;
    for (PlotCurve& one : smoothed_on_raw(*curve, runs.size() == 1 ? name : runs[i].name,
                                          static_cast<int>(i), runs.size() <= kMostRawCurves)) {
      curves.push_back(std::move(one));
    }
  }
  return curves;
}

std::vector<PlotMark> marks_of(const RunRecord& run) {
  std::vector<PlotMark> marks;
  for (const char* event : {"restarted", "nonfinite", "checkpoint_failed"}) {
    const auto found = run.events.find(event);
    if (found == run.events.end()) continue;
    const auto& lines = found->second;
    const size_t first = lines.size() - std::min(lines.size(), kMostMarks);
    for (size_t i = first; i < lines.size(); ++i) {
      marks.push_back({static_cast<double>(lines[i].step), event});
    }
  }
  return marks;
}

Plot loss_plot(const Runs& runs) {
  return {.title = "Loss",
          .unit = "",
          .description =
              "Of the training images: faint at each step, solid as a moving average. "
              "Vertical lines mark restarts, skipped steps and failed checkpoints.",
          .scale = AxisScale::kLogIfWide,
          .curves = compared(runs, "loss", "loss"),
          .marks = runs.size() == 1 ? marks_of(runs.front()) : std::vector<PlotMark>()};
}

std::vector<Plot> loss_term_plots(const Runs& runs) {
  std::set<std::string> terms;
  for (const RunRecord& run : runs) {
    for (const auto& [name, curve] : run.curves) {
      if (name.starts_with("loss_")) terms.insert(name);
    }
  }
  std::vector<Plot> plots;
  if (runs.size() > 1) {
    for (const std::string& term : terms) {
      plots.push_back({.title = term,
                       .description = "A term of the loss, as a moving average.",
                       .scale = AxisScale::kLogIfWide,
                       .curves = compared(runs, term, term)});
    }
    return plots;
  }
  Plot plot{.title = "Terms of the loss",
            .description = "As moving averages.",
            .scale = AxisScale::kLogIfWide};
  for (const std::string& term : terms) {
    const auto color = static_cast<int>(plot.curves.size());
    plot.curves.push_back(
        smoothed_on_raw(*runs.front().curve(term), term, color, /*with_raw=*/false).front());
  }
  return {plot};
}

/// The newest evaluation of each name.
std::vector<const EvaluationLine*> newest_evaluations(const RunRecord& run) {
  std::map<std::string, const EvaluationLine*> newest;
  for (const EvaluationLine& line : run.evaluations) newest[line.name] = &line;
  std::vector<const EvaluationLine*> lines;
  for (const auto& [name, line] : newest) lines.push_back(line);
  return lines;
}

/// A figure at each step at which it was measured in the same way as in `newest`.
PlotCurve figure_curve(const RunRecord& run, const EvaluationLine& newest,
                       const std::string& figure, const std::string& name, int color) {
  DownsampledCurve curve;
  for (const EvaluationLine& line : run.evaluations) {
    if (line.name != newest.name || line.provenance != newest.provenance) continue;
    const auto value = find_figure(line.figures, figure);
    if (value) curve.add(static_cast<double>(line.step), *value);
  }
  return {name, curve.extremes(), color, Style::kDots};
}

Plot evaluation_plot(const std::string& title, const std::string& evaluation) {
  return {.title = "Evaluation: " + title,
          .description = fmt::format("Measured by \"{}\" during training.", evaluation),
          .scale = AxisScale::kLogIfWide};
}

/// "psnr" of "psnr_masked": figures with the same beginning share a plot.
std::string group_of(const std::string& figure) { return figure.substr(0, figure.find('_')); }

std::vector<Plot> evaluation_plots_of_one(const RunRecord& run) {
  std::vector<Plot> plots;
  for (const EvaluationLine* newest : newest_evaluations(run)) {
    std::map<std::string, Plot> groups;
    for (const auto& [figure, value] : newest->figures) {
      if (figure == kLossGap) continue;
      const std::string group = group_of(figure);
      Plot& plot = groups.try_emplace(group, evaluation_plot(group, newest->name)).first->second;
      const auto color = static_cast<int>(plot.curves.size());
      plot.curves.push_back(figure_curve(run, *newest, figure, figure, color));
    }
    for (const auto& [group, plot] : groups) plots.push_back(plot);
  }
  return plots;
}

std::vector<Plot> evaluation_plots_of_several(const Runs& runs) {
  std::map<std::string, Plot> by_figure;
  for (size_t i = 0; i < runs.size(); ++i) {
    for (const EvaluationLine* newest : newest_evaluations(runs[i])) {
      for (const auto& [figure, value] : newest->figures) {
        Plot& plot =
            by_figure.try_emplace(figure, evaluation_plot(figure, newest->name)).first->second;
        plot.curves.push_back(
            figure_curve(runs[i], *newest, figure, runs[i].name, static_cast<int>(i)));
      }
    }
  }
  std::vector<Plot> plots;
  for (const auto& [figure, plot] : by_figure) plots.push_back(plot);
  return plots;
}

/// A dashed line at the limit of clipping, if the only run clips.
Plot gradient_plot(const Runs& runs) {
  Plot plot{.title = "Gradient norm",
            .description = "Of all parameters together, before clipping.",
            .scale = AxisScale::kLogIfWide,
            .curves = compared(runs, "gradient_norm", "gradient norm")};
  const double limit = runs.front().config.optimizer.clip_norm;
  if (runs.size() == 1 && limit > 0 && !plot.curves.empty()) {
    const std::vector<Point>& points = plot.curves.front().points;
    plot.curves.push_back({"clip_norm",
                           {{points.front().x, limit}, {points.back().x, limit}},
                           kPlotColors + 1,
                           Style::kLine});
  }
  return plot;
}

std::vector<PlotCurve> exact_curves(const Runs& runs, const std::string& field,
                                    const std::string& name) {
  std::vector<PlotCurve> curves;
  for (size_t i = 0; i < runs.size(); ++i) {
    const DownsampledCurve* curve = runs[i].curve(field);
    if (curve == nullptr) continue;
    curves.push_back({runs.size() == 1 ? name : runs[i].name, curve->means(), static_cast<int>(i)});
  }
  return curves;
}

Plot parts_plot(const RunRecord& run, bool with_name) {
  Plot plot{.title = with_name ? "Parts of a step: " + run.name : "Parts of a step",
            .unit = "seconds",
            .description = "The time of a step, divided among its parts.",
            .scale = AxisScale::kFromZero,
            .is_stacked = true};
  for (const auto& [part, curve] : run.parts) {
    plot.curves.push_back({part, curve.means(), static_cast<int>(plot.curves.size())});
  }
  return plot;
}

void append(std::vector<Plot>& plots, std::vector<Plot> more) {
  std::ranges::move(more, std::back_inserter(plots));
}

}  // namespace

std::vector<Plot> curve_plots(const Runs& runs) {
  std::vector<Plot> plots{loss_plot(runs)};
  append(plots, runs.size() == 1 ? evaluation_plots_of_one(runs.front())
                                 : evaluation_plots_of_several(runs));
  append(plots, loss_term_plots(runs));
  plots.push_back(gradient_plot(runs));
  plots.push_back({.title = "Learning rate",
                   .description = "Of the network that makes the samples.",
                   .scale = AxisScale::kFromZero,
                   .curves = exact_curves(runs, "learning_rate", "learning rate")});
  plots.push_back({.title = "Throughput",
                   .unit = "images/s",
                   .description = "Of all ranks together, during steps.",
                   .scale = AxisScale::kFromZero,
                   .curves = compared(runs, "images_per_second", "images/s")});
  for (const RunRecord& run : runs) plots.push_back(parts_plot(run, runs.size() > 1));
  plots.push_back({.title = "Slowest rank",
                   .unit = "times the median",
                   .description = "The time of the slowest rank, divided by that of the median.",
                   .curves = compared(runs, "slowest_ratio", "slowest rank")});
  return plots;
}

}  // namespace gm
