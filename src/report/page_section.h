/// What the parts of a report's page share.
#pragma once

#include <vector>

#include "report/html.h"
#include "report/run_record.h"

namespace gm {

/// A part of the page with a heading; empty if `content` is.
Html page_section(const char* id, const char* heading, const Html& content);

/// The name of run number `index` with its colour; empty if there is only one run.
Html run_heading(const std::vector<RunRecord>& runs, size_t index);

}  // namespace gm
