/// The report of one or several runs: one HTML file that needs no network.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "report/run_record.h"

namespace gm {

/// Reads the runs in `directories`. Runs whose directories have the same name are named by their
/// paths. Throws InputError as read_run_record() does.
std::vector<RunRecord> read_run_records(const std::vector<std::filesystem::path>& directories);

/// The page about one run, or one that compares several. Expects at least one.
std::string report_page(const std::vector<RunRecord>& runs);

/// Writes the report of the run in `directory` into it, at the end of a training. A failure is a
/// warning.
void write_report_of_run(const std::filesystem::path& directory);

}  // namespace gm
