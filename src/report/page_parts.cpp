#include "report/page_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/unix_time.h"
#include "config/schema.h"
#include "report/axis.h"
#include "report/curve_plots.h"
#include "report/embedded_image.h"
#include "report/plot.h"
#include "report/remarks.h"
#include "telemetry/step_progress.h"

namespace gm {
namespace {

using Runs = std::vector<RunRecord>;

constexpr uint64_t kMostImageBytes = 4 << 20;  // of an image; a page should open at once
constexpr size_t kMostOlderSamples = 8;
constexpr size_t kMostEvaluationRows = 20;

/// A part of the page, empty if `content` is.
Html part(const char* id, const char* heading, const Html& content) {
  if (content.empty()) return {};
  return element("section", {{"id", id}}, element("h2", text(heading)) + content);
}

/// The name of a run with its colour, if there are several.
Html heading_of(const Runs& runs, size_t index) {
  if (runs.size() == 1) return {};
  return element("h3", color_key(static_cast<int>(index)) + text(runs[index].name));
}

// ---- overview ---------------------------------------------------------------------------------

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
  if (speeds.empty()) return std::nan("");
  const auto middle = speeds.begin() + static_cast<int64_t>(speeds.size() / 2);
  std::ranges::nth_element(speeds, middle);
  return *middle;
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
  return element("div", "tile", element("span", "name", text(name)) +
                                    element("span", "value", text(value)) +
                                    element("span", "more", text(more)));
}

std::string short_count(int64_t count) { return short_number(static_cast<double>(count)); }

Html tiles_of(const RunRecord& run) {
  const RunConfig& config = run.config;
  Html tiles = tile("Steps", short_count(run.last_step),
                    fmt::format("of {}; {} images", short_count(config.train.steps),
                                short_count(run.last_images)));
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
                    fmt::format("at step {}", short_count(newest.step)));
    }
  }
  return element("div", "tiles", tiles);
}

Html overview_table(const Runs& runs) {
  std::vector<std::vector<Html>> rows;
  for (size_t i = 0; i < runs.size(); ++i) {
    const RunRecord& run = runs[i];
    rows.push_back({color_key(static_cast<int>(i)) + text(run.name), text(state_of(run)),
                    text(fmt::format("{} of {}", short_count(run.last_step),
                                     short_count(run.config.train.steps))),
                    text(short_count(run.last_images)), text(duration_of(run)),
                    text(short_number(images_per_second(run))), text(short_number(last_loss(run)))});
  }
  return table({"Run", "State", "Steps", "Images", "Duration", "Images/s", "Loss"}, rows);
}

// ---- samples ----------------------------------------------------------------------------------

Html image_of(const RunRecord& run, const SampleFile& sample, const char* css_class) {
  const std::string caption = fmt::format("step {}", short_count(sample.step));
  const auto url = png_data_url(sample.path, kMostImageBytes);
  const Html content =
      url ? element("img", {{"src", *url},
                            {"alt", fmt::format("samples of {} at {}", run.name, caption)},
                            {"loading", "lazy"}})
          : element("p", text(fmt::format("{} is too large for this page, or is damaged.",
                                          sample.path.filename().string())));
  return element("figure", css_class, content + element("figcaption", text(caption)));
}

/// Evenly distributed over all but the newest.
std::vector<SampleFile> older_samples(const std::vector<SampleFile>& all) {
  const size_t older = all.size() - 1;
  const size_t count = std::min(older, kMostOlderSamples);
  std::vector<SampleFile> chosen;
  for (size_t i = 0; i < count; ++i) chosen.push_back(all[i * older / count]);
  return chosen;
}

Html samples_of(const RunRecord& run, bool with_older) {
  if (run.samples.empty()) return {};
  Html images = image_of(run, run.samples.back(), "newest");
  if (!with_older) return images;
  Html older;
  for (const SampleFile& sample : older_samples(run.samples)) {
    older += image_of(run, sample, "older");
  }
  return images + (older.empty() ? Html() : element("div", "strip", older));
}

// ---- evaluations ------------------------------------------------------------------------------

std::vector<std::string> names_of_evaluations(const Runs& runs) {
  std::set<std::string> names;
  for (const RunRecord& run : runs) {
    for (const EvaluationLine& line : run.evaluations) names.insert(line.name);
  }
  return {names.begin(), names.end()};
}

std::vector<const EvaluationLine*> lines_of(const RunRecord& run, const std::string& evaluation) {
  std::vector<const EvaluationLine*> lines;
  for (const EvaluationLine& line : run.evaluations) {
    if (line.name == evaluation) lines.push_back(&line);
  }
  return lines;
}

/// The figures of `line` in the order of `figures`.
void append_figures(std::vector<Html>& cells, const EvaluationLine& line,
                    const std::vector<std::string>& figures) {
  for (const std::string& figure : figures) {
    const auto value = find_figure(line.figures, figure);
    cells.push_back(text(value ? short_number(*value) : ""));
  }
}

std::vector<std::string> figure_names(const std::vector<const EvaluationLine*>& lines) {
  std::vector<std::string> names;
  for (const EvaluationLine* line : lines) {
    for (const auto& [name, value] : line->figures) {
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

Html evaluation_of_one(const RunRecord& run, const std::string& evaluation) {
  const auto all = lines_of(run, evaluation);
  const size_t first = all.size() - std::min(all.size(), kMostEvaluationRows);
  const std::vector<const EvaluationLine*> lines(all.begin() + static_cast<int64_t>(first),
                                                 all.end());
  const std::vector<std::string> figures = figure_names(lines);
  std::vector<std::vector<Html>> rows;
  for (const EvaluationLine* line : lines) {
    rows.push_back({text(short_count(line->step))});
    append_figures(rows.back(), *line, figures);
    rows.back().push_back(text(short_number(line->seconds)));
  }
  std::vector<std::string> headings{"Step"};
  headings.insert(headings.end(), figures.begin(), figures.end());
  headings.emplace_back("Seconds");
  const std::string note =
      first == 0 ? "" : fmt::format("The newest {} of {}. ", lines.size(), all.size());
  return element("h3", text(evaluation)) +
         element("p", "note", text(note + lines.back()->provenance)) + table(headings, rows);
}

/// The newest evaluation of each run. What figures depend on has a column, because only figures
/// with the same can be compared.
Html evaluation_of_several(const Runs& runs, const std::string& evaluation) {
  std::vector<const EvaluationLine*> newest;
  for (const RunRecord& run : runs) {
    const auto lines = lines_of(run, evaluation);
    newest.push_back(lines.empty() ? nullptr : lines.back());
  }
  std::vector<const EvaluationLine*> existing = newest;
  std::erase(existing, nullptr);
  const std::vector<std::string> figures = figure_names(existing);
  std::vector<std::vector<Html>> rows;
  for (size_t i = 0; i < runs.size(); ++i) {
    if (newest[i] == nullptr) continue;
    rows.push_back({color_key(static_cast<int>(i)) + text(runs[i].name),
                    text(short_count(newest[i]->step))});
    append_figures(rows.back(), *newest[i], figures);
    rows.back().push_back(text(newest[i]->provenance));
  }
  std::vector<std::string> headings{"Run", "Step"};
  headings.insert(headings.end(), figures.begin(), figures.end());
  headings.emplace_back("Of");
  return element("h3", text(evaluation)) + table(headings, rows);
}

// ---- checkpoints ------------------------------------------------------------------------------

std::string size_text(uint64_t bytes) {
  const auto size = static_cast<double>(bytes);
  if (size >= 1e9) return fmt::format("{:.2f} GB", size / 1e9);
  if (size >= 1e6) return fmt::format("{:.1f} MB", size / 1e6);
  return fmt::format("{:.0f} kB", size / 1e3);
}

Html checkpoints_of(const RunRecord& run) {
  if (run.checkpoints.empty()) return {};
  std::vector<std::vector<Html>> rows;
  for (const CheckpointEntry& entry : run.checkpoints) {
    std::string remark = &entry == &run.checkpoints.back() ? "newest" : "";
    if (!entry.best_by.empty()) {
      remark += fmt::format("{}best by {}", remark.empty() ? "" : ", ", entry.best_by);
    }
    rows.push_back({text(short_count(entry.step)), text(size_text(entry.bytes)),
                    text(std::isfinite(entry.seconds) ? short_number(entry.seconds) : ""),
                    text(remark)});
  }
  return element("p", "note", text(fmt::format("{} kept of {} that were saved.",
                                               run.checkpoints.size(), run.saved_checkpoints))) +
         table({"Step", "Size", "Seconds to save", ""}, rows);
}

// ---- configuration ----------------------------------------------------------------------------

struct KeyRow {
  std::string key, help;
  std::vector<std::string> values = {};  // of each run
  std::string standard;                  // the default
};

std::vector<KeyRow> key_rows(const Runs& runs) {
  std::vector<KeyRow> rows;
  RunConfig defaults;
  for (const Key& key : Schema(defaults).keys()) {
    rows.push_back({.key = key.name(), .help = key.help(), .standard = to_text(key.value())});
  }
  for (const RunRecord& run : runs) {
    RunConfig config = run.config;  // a schema binds to fields that it could set
    const std::vector<Key> keys = Schema(config).keys();
    for (size_t i = 0; i < keys.size(); ++i) rows[i].values.push_back(to_text(keys[i].value()));
  }
  // The name of the run.
  std::erase_if(rows, [](const KeyRow& row) { return row.key == "run.dir"; });
  return rows;
}

bool differs(const KeyRow& row) {
  if (row.values.size() == 1) return row.values.front() != row.standard;
  return std::ranges::any_of(row.values, [&](const auto& value) { return value != row.values[0]; });
}

Html key_table(const Runs& runs, const std::vector<KeyRow>& key_rows, bool with_help) {
  std::vector<std::string> headings{"Key"};
  for (const RunRecord& run : runs) headings.push_back(runs.size() == 1 ? "Value" : run.name);
  headings.emplace_back("Default");
  if (with_help) headings.emplace_back("Meaning");
  std::vector<std::vector<Html>> rows;
  for (const KeyRow& key : key_rows) {
    rows.push_back({element("code", text(key.key))});
    for (const std::string& value : key.values) rows.back().push_back(element("code", text(value)));
    rows.back().push_back(element("code", text(key.standard)));
    if (with_help) rows.back().push_back(text(key.help));
  }
  return table(headings, rows);
}

}  // namespace

std::string state_of(const RunRecord& run) {
  if (run.is_finished()) return "finished";
  if (run.last_step == 0) return "no step yet";
  const double age = std::max(0.0, unix_seconds() - run.last_time);
  return fmt::format("not finished, last line {} ago", format_duration(age));
}

Html overview(const Runs& runs) {
  return runs.size() == 1 ? tiles_of(runs.front()) : overview_table(runs);
}

Html what_to_notice(const Runs& runs) {
  Html content;
  for (size_t i = 0; i < runs.size(); ++i) {
    Html remarks;
    for (const Remark& remark : remarks_on(runs[i])) {
      const auto kind = static_cast<size_t>(remark.kind);
      constexpr std::pair<const char*, const char*> kKinds[] = {
          {"problem", "Problem"}, {"advice", "Advice"}, {"fact", "Note"}};
      remarks += element("li", kKinds[kind].first,
                         element("b", text(kKinds[kind].second)) + text(remark.text));
    }
    if (remarks.empty()) remarks = element("li", "fact", text("Nothing unusual."));
    content += heading_of(runs, i) + element("ul", "remarks", remarks);
  }
  return part("notice", "What to notice", content);
}

Html curves(const Runs& runs) {
  Html plots;
  for (const Plot& plot : curve_plots(runs)) plots += draw(plot);
  return part("curves", "Curves", plots.empty() ? plots : element("div", "plots", plots));
}

Html samples(const Runs& runs) {
  Html content;
  for (size_t i = 0; i < runs.size(); ++i) {
    const Html images = samples_of(runs[i], /*with_older=*/runs.size() == 1);
    if (!images.empty()) content += element("div", heading_of(runs, i) + images);
  }
  return part("samples", "Samples",
              runs.size() == 1 ? content : element("div", "plots", content));
}

Html evaluations(const Runs& runs) {
  Html content;
  for (const std::string& name : names_of_evaluations(runs)) {
    content += runs.size() == 1 ? evaluation_of_one(runs.front(), name)
                                : evaluation_of_several(runs, name);
  }
  return part("evaluations", "Evaluations", content);
}

Html checkpoints(const Runs& runs) {
  Html content;
  for (size_t i = 0; i < runs.size(); ++i) {
    const Html entries = checkpoints_of(runs[i]);
    if (!entries.empty()) content += heading_of(runs, i) + entries;
  }
  return part("checkpoints", "Checkpoints", content);
}

Html configuration(const Runs& runs) {
  const std::vector<KeyRow> all = key_rows(runs);
  std::vector<KeyRow> different = all;
  std::erase_if(different, [](const KeyRow& row) { return !differs(row); });
  const char* what = runs.size() == 1 ? "Keys that differ from the defaults"
                                      : "Keys that differ between the runs";
  Html content = different.empty() ? element("p", text("All keys have the same value."))
                                   : key_table(runs, different, /*with_help=*/false);
  content += element("details", element("summary", text("All keys")) +
                                    key_table(runs, all, /*with_help=*/true));
  return part("configuration", "Configuration", element("h3", text(what)) + content);
}

Html environment(const Runs& runs) {
  std::map<std::string, std::vector<std::string>> facts;  // by name: of each run
  for (size_t i = 0; i < runs.size(); ++i) {
    const auto put = [&](const std::string& name, const std::string& value) {
      facts.try_emplace(name, runs.size()).first->second[i] = value;
    };
    for (const auto& [name, value] : runs[i].environment) put(name, value);
    put("directory", runs[i].config.run.dir);
    put("starts", fmt::format("{}", runs[i].count("started")));
  }
  std::vector<std::string> headings{""};
  for (const RunRecord& run : runs) headings.push_back(runs.size() == 1 ? "" : run.name);
  std::vector<std::vector<Html>> rows;
  for (const auto& [name, values] : facts) {
    rows.push_back({text(name)});
    for (const std::string& value : values) rows.back().push_back(text(value));
  }
  return part("environment", "Environment", table(headings, rows));
}

}  // namespace gm
