/// The plots of a report: which curves are drawn together, and how.
#pragma once

#include <vector>

#include "report/plot.h"
#include "report/run_record.h"

namespace gm {

/// The plots of one run; of several runs, each plot compares them. Run number i has colour i.
std::vector<Plot> curve_plots(const std::vector<RunRecord>& runs);

}  // namespace gm
