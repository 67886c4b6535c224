#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/median.h"
#include "base/unix_time.h"
#include "report/axis.h"
#include "report/page_parts.h"
#include "report/plot.h"
#include "telemetry/step_progress.h"

namespace gm {
namespace {

std::string duration_of(const RunRecord& run) {
  const double seconds = run.last_time - run.first_time;
  return std::isfinite(seconds) ? format_duration(std::max(0.0, seconds)) : "-";
}

/// "94 % in steps, 4 % samples, 2 % evaluations"
std::string shares_of(const RunRecord& run) {
  const double all = run.last_time - run.first_time;
  std::string shares;
  const std::pair<const char*, double> uses[] = {{"in steps", run.step_seconds},
                                                 {"samples", run.sample_seconds},
                                                 {"evaluations", run.evaluation_seconds}};
  for (const auto& [name, seconds] : uses) {
    if (!(all > 0) || seconds <= 0) continue;
    shares += fmt::format("{}{:.0f} % {}", shares.empty() ? "" : ", ",
                          100 * std::min(1.0, seconds / all), name);
  }
  return shares;
}

/// The median of the recent steps.
double images_per_second(const RunRecord& run) {
  std::vector<double> speeds;
  for (const TrainLine& line : run.recent) {
    if (std::isfinite(line.images_per_second)) speeds.push_back(line.images_per_second);
  }
  return speeds.empty() ? std::nan("") : median(std::move(speeds));
}

double last_loss(const RunRecord& run) {
  const DownsampledCurve* loss = run.curve("loss");
  if (loss == nullptr) return std::nan("");
  const std::vector<Point> smooth = loss->smoothed();
  for (auto point = smooth.rbegin(); point != smooth.rend(); ++point) {
    if (std::isfinite(point->y)) return point->y;
  }
  return loss->last();
}

std::string time_left(const RunRecord& run) {
  double seconds = 0;
  for (const TrainLine& line : run.recent) {
    if (std::isfinite(line.step_seconds)) seconds += line.step_seconds;
  }
  const auto steps = static_cast<double>(run.config.train.steps - run.last_step);
  return format_duration(steps * seconds / static_cast<double>(run.recent.size()));
}

Html tile(const std::string& name, const std::string& value, const std::string& more = {}) {
  return element("div", "tile",
                 element("span", "name", text(name)) + element("span", "value", text(value)) +
                     element("span", "more", text(more)));
}

Html tiles_of(const RunRecord& run) {
  const RunConfig& config = run.config;
  Html tiles = tile("Steps", short_number(run.last_step),
                    fmt::format("of {}; {} images", short_number(config.train.steps),
                                short_number(run.last_images)));
  tiles += tile("Duration", duration_of(run), shares_of(run));
  if (!run.is_finished() && !run.recent.empty()) {
    tiles += tile("Time left", time_left(run), "of steps, at the recent speed");
  }
  tiles += tile("Throughput", short_number(images_per_second(run)), "images/s, recent median");
  tiles += tile("Loss", short_number(last_loss(run)), "moving average at the end");
  if (!run.evaluations.empty()) {
    const EvaluationLine& newest = run.evaluations.back();
    constexpr size_t kMostTiles = 2;
    const size_t count = std::min(kMostTiles, newest.figures.size());
    for (size_t i = 0; i < count; ++i) {
      tiles += tile(newest.figures[i].first, short_number(newest.figures[i].second),
                    fmt::format("at step {}", short_number(newest.step)));
    }
  }
  return element("div", "tiles", tiles);
}

Html overview_table(const std::vector<RunRecord>& runs) {
  std::vector<std::vector<Html>> rows;
  for (size_t i = 0; i < runs.size(); ++i) {
    const RunRecord& run = runs[i];
    rows.push_back({color_key(static_cast<int>(i)) + text(run.name), text(state_of(run)),
                    text(fmt::format("{} of {}", short_number(run.last_step),
                                     short_number(run.config.train.steps))),
                    text(short_number(run.last_images)), text(duration_of(run)),
                    text(short_number(images_per_second(run))),
                    text(short_number(last_loss(run)))});
  }
  return table({"Run", "State", "Steps", "Images", "Duration", "Images/s", "Loss"}, rows);
}

}  // namespace

std::string state_of(const RunRecord& run) {
  if (run.is_finished()) return "finished";
  if (run.last_step == 0) return "no step yet";
  const double age = std::max(0.0, unix_seconds() - run.last_time);
  return fmt::format("not finished, last line {} ago", format_duration(age));
}

Html overview(const std::vector<RunRecord>& runs) {
  return runs.size() == 1 ? tiles_of(runs.front()) : overview_table(runs);
}

}  // namespace gm
