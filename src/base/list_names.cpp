#include "base/list_names.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <span>

namespace gm {

std::string list_names(const std::vector<std::string>& names) {
  constexpr size_t kShown = 5;
  const std::span shown(names.data(), std::min(names.size(), kShown));
  std::string text = fmt::format("{}", fmt::join(shown, ", "));
  if (names.size() > kShown) text += fmt::format(" and {} more", names.size() - kShown);
  return text;
}

}  // namespace gm
