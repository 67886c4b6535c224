#include "run/run_table.h"

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
  const std::string digits = fmt::format("{}", number);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

}  // namespace gm
