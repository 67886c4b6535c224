/// The summary table at the start of a run: hardware, data, model and output files.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gm {

using TableRow = std::pair<std::string, std::string>;

/// One line per row, with aligned labels.
std::string format_table(const std::vector<TableRow>& rows);

/// 1234567 as "1,234,567". Expects number >= 0.
std::string with_thousands(int64_t number);

}  // namespace gm
