#include "report/report.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <exception>

#include "base/log.h"
#include "base/output.h"
#include "report/html.h"
#include "report/page_assets.h"
#include "report/page_parts.h"
#include "run/run_directory.h"

namespace gm {
namespace {

std::string title_of(const std::vector<RunRecord>& runs) {
  return runs.size() == 1 ? runs.front().name : fmt::format("{} runs compared", runs.size());
}

Html head_of(const std::string& title) {
  return element("head", Html::trusted("<meta charset=\"utf-8\">\n"
                                       "<meta name=\"viewport\" content=\"width=device-width\">\n"
                                       "<meta name=\"color-scheme\" content=\"light dark\">\n") +
                             element("title", text(title)) +
                             element("style", Html::trusted(kPageStyle)));
}

Html header_of(const std::vector<RunRecord>& runs) {
  const std::string written =
      fmt::format("Written {:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(std::time(nullptr)));
  Html heading = element("h1", text(title_of(runs)));
  if (runs.size() == 1) {
    const RunRecord& run = runs.front();
    heading += element("span", run.is_finished() ? "state finished" : "state", text(state_of(run)));
    heading += element("p", "note", text(run.config.run.task + " in " + run.config.run.dir));
  }
  return element("header", heading + element("p", "note", text(written)));
}

}  // namespace

std::vector<RunRecord> read_run_records(const std::vector<std::filesystem::path>& directories) {
  std::vector<RunRecord> runs;
  for (const auto& directory : directories) runs.push_back(read_run_record(directory));
  const auto has_namesake = [&](const RunRecord& run) {
    return std::ranges::count(runs, run.name, &RunRecord::name) > 1;
  };
  std::vector<size_t> namesakes;
  for (size_t i = 0; i < runs.size(); ++i) {
    if (has_namesake(runs[i])) namesakes.push_back(i);
  }
  for (const size_t i : namesakes) runs[i].name = runs[i].config.run.dir;
  return runs;
}

std::string report_page(const std::vector<RunRecord>& runs) {
  const Html main = overview(runs) + what_to_notice(runs) + curves(runs) + samples(runs) +
                    evaluations(runs) + checkpoints(runs) + configuration(runs) + environment(runs);
  const Html body = header_of(runs) + element("main", main) +
                    element("footer", text("gm " GM_VERSION)) +
                    element("script", Html::trusted(kPageScript));
  return "<!DOCTYPE html>\n" +
         element("html", {{"lang", "en"}}, head_of(title_of(runs)) + element("body", body))
             .markup();
}

void write_report_of_run(const std::filesystem::path& directory) {
  const std::filesystem::path file = RunDirectory(directory).report();
  try {
    write_output(file, report_page(read_run_records({directory})));
    log_info("report in {}", file.string());
  } catch (const std::exception& error) {
    log_warning("the report of the run was not written: {}", error.what());
  }
}

}  // namespace gm
