#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "report/axis.h"
#include "report/page_parts.h"
#include "report/page_section.h"
#include "report/plot.h"

namespace gm {
namespace {

constexpr size_t kMostEvaluationRows = 20;

std::vector<std::string> names_of_evaluations(const std::vector<RunRecord>& runs) {
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
    rows.push_back({text(short_number(line->step))});
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
Html evaluation_of_several(const std::vector<RunRecord>& runs, const std::string& evaluation) {
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
    rows.push_back(
        {color_key(static_cast<int>(i)) + text(runs[i].name), text(short_number(newest[i]->step))});
    append_figures(rows.back(), *newest[i], figures);
    rows.back().push_back(text(newest[i]->provenance));
  }
  std::vector<std::string> headings{"Run", "Step"};
  headings.insert(headings.end(), figures.begin(), figures.end());
  headings.emplace_back("Of");
  return element("h3", text(evaluation)) + table(headings, rows);
}

}  // namespace

Html evaluations(const std::vector<RunRecord>& runs) {
  Html content;
  for (const std::string& name : names_of_evaluations(runs)) {
    content += runs.size() == 1 ? evaluation_of_one(runs.front(), name)
                                : evaluation_of_several(runs, name);
  }
  return page_section("evaluations", "Evaluations", content);
}

}  // namespace gm
