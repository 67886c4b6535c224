/// The table that a run shows of itself at the start: what runs where, on what, and where
/// everything goes.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gm {

using TableRow = std::pair<std::string, std::string>;

/// Labels in a column of their own, one row a line.
std::string format_table(const std::vector<TableRow>& rows);

/// 1234567 as "1,234,567". Expects number >= 0.
std::string with_thousands(int64_t number);

}  // namespace gm
