// gm_report: writes one HTML file about a run, or one that compares several runs.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/output.h"
#include "comm/run_program.h"
#include "config/command_line.h"
#include "config/option_values.h"
#include "report/report.h"
#include "run/run_directory.h"

namespace gm {
namespace {

namespace fs = std::filesystem;

struct Command {
  std::vector<std::string> runs;
  fs::path output;
};

void declare(CLI::App& app, Command& command) {
  app.add_option("RUN", command.runs, "Directories of runs, which may still be training")
      ->transform(a_path())
      ->required();
  app.add_option("--out", command.output,
                 "HTML file to write, - for stdout; report.html of the run when not given, "
                 "required for several runs")
      ->transform(a_path());
  app.set_version_flag("--version", version_text());
}

fs::path output_of(const Command& command) {
  if (!command.output.empty()) return command.output;
  if (command.runs.size() > 1) {
    throw InputError("--out is missing: give the HTML file that compares the runs");
  }
  return RunDirectory(command.runs.front()).report();
}

int run(int argc, char** argv) {
  CLI::App app(
      "Writes a page about a run, or one that compares several runs: curves, samples, evaluations, "
      "configuration, and what to notice. It is one HTML file, which needs no network.",
      "gm_report");
  Command command;
  declare(app, command);
  if (const auto answer = answer_or_parse(app, argc, argv)) {
    print(*answer);
    return kExitDone;
  }
  const std::vector<RunRecord> runs = read_run_records({command.runs.begin(), command.runs.end()});
  const fs::path output = output_of(command);
  check_outputs({{"--out", output, {".html"}}});
  write_output(output, report_page(runs));
  if (!is_stdout(output)) log_info("report in {}", output.string());
  return kExitDone;
}

}  // namespace
}  // namespace gm

int main(int argc, char** argv) {
  gm::run_alone([&] { return gm::run(argc, argv); });
}
