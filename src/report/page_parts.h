/// The parts of a report's page, from the top to the bottom. With one run, a part is about that
/// run; with several, it compares them. A part without content is empty.
#pragma once

#include <string>
#include <vector>

#include "report/html.h"
#include "report/run_record.h"

namespace gm {

/// "finished", or how long ago the run wrote its last line.
std::string state_of(const RunRecord& run);
/// State, length, speed and last losses.
Html overview(const std::vector<RunRecord>& runs);
/// The remarks on each run (remarks.h).
Html what_to_notice(const std::vector<RunRecord>& runs);
Html curves(const std::vector<RunRecord>& runs);
/// The newest grid of samples, and some older ones.
Html samples(const std::vector<RunRecord>& runs);
Html evaluations(const std::vector<RunRecord>& runs);
Html checkpoints(const std::vector<RunRecord>& runs);
/// What differs between the runs, or from the defaults, then every key.
Html configuration(const std::vector<RunRecord>& runs);
/// Where and on what the runs trained.
Html environment(const std::vector<RunRecord>& runs);

}  // namespace gm
