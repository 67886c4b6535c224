/// The summary table at the start of a run: hardware, data, model and output files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "comm/world.h"
#include "config/run_config.h"
#include "run/training_data.h"
#include "tasks/task.h"

namespace gm {

using TableRow = std::pair<std::string, std::string>;

/// One line per row, with aligned labels.
std::string format_table(const std::vector<TableRow>& rows);

/// The rows for a run that trains `task` on `data`. `restarts`: see comm/restarts.h.
std::vector<TableRow> run_rows(const World& world, const RunConfig& config,
                               const TrainingData& data, Task& task, std::optional<int> restarts);

/// What happens to the run in config.run.dir, whose newest checkpoint is of step `step`: it is
/// resumed, or it is finished.
std::string resume_message(const RunConfig& config, int64_t step);

}  // namespace gm
