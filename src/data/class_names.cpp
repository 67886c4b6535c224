#include "data/class_names.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <span>

#include "base/error.h"

namespace gm {
namespace {

std::string_view without_spaces(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

}  // namespace

bool means_all_classes(std::string_view list) { return list.empty() || list == "all"; }

std::vector<int64_t> find_classes(std::string_view list, const std::vector<std::string>& known,
                                  std::string_view where) {
  std::vector<int64_t> indices;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    const auto name = without_spaces(list.substr(begin, end - begin));
    const auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end()) {
      constexpr size_t kShown = 20;
      const auto shown = std::span(known).first(std::min(known.size(), kShown));
      throw InputError("{}: there is no class '{}'; the classes are {}{}", where, name,
                       fmt::join(shown, ", "), known.size() > kShown ? ", ..." : "");
    }
    indices.push_back(found - known.begin());
    begin = end + 1;
  }
  return indices;
}

}  // namespace gm
