#include "train/run_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace gm {

std::string format_table(const std::vector<TableRow>& rows) {
  size_t width = 0;
  for (const auto& [label, text] : rows) width = std::max(width, label.size());
  std::string table;
  for (const auto& [label, text] : rows) table += fmt::format("  {:<{}}  {}\n", label, width, text);
  return table;
}

std::string with_thousands(int64_t number) {
  std::string digits = fmt::format("{}", number);
  for (auto i = static_cast<int64_t>(digits.size()) - 3; i > (number < 0 ? 1 : 0); i -= 3) {
    digits.insert(static_cast<size_t>(i), ",");
  }
  return digits;
}

}  // namespace gm
