#include "data/class_names.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "base/error.h"

namespace gm {
namespace {

std::string_view without_spaces(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// Several classes may have the same name in a file that gm did not write.
std::vector<int64_t> classes_called(std::string_view name, const std::vector<std::string>& known) {
  std::vector<int64_t> indices;
  for (size_t i = 0; i < known.size(); ++i) {
    if (without_spaces(known[i]) == without_spaces(name))
      indices.push_back(static_cast<int64_t>(i));
  }
  return indices;
}

size_t most_commas(const std::vector<std::string>& names) {
  std::ptrdiff_t most = 0;
  for (const auto& name : names) most = std::max(most, std::ranges::count(name, ','));
  return static_cast<size_t>(most);
}

/// The possible ends of a name that starts at `begin` and contains at most `commas` commas, the
/// last one first.
std::vector<size_t> possible_ends(std::string_view list, size_t begin, size_t commas) {
  std::vector<size_t> ends{std::min(list.find(',', begin), list.size())};
  while (ends.size() <= commas && ends.back() < list.size())
    ends.push_back(std::min(list.find(',', ends.back() + 1), list.size()));
  std::ranges::reverse(ends);
  return ends;
}

[[noreturn]] void throw_unknown(std::string_view name, const std::vector<std::string>& known,
                                std::string_view where) {
  constexpr size_t kShown = 20;
  if (known.empty()) {
    throw InputError("{}: there is no class '{}'; there are no classes at all", where,
                     without_spaces(name));
  }
  const auto shown = std::span(known).first(std::min(known.size(), kShown));
  throw InputError("{}: there is no class '{}'; the classes are {}{}", where, without_spaces(name),
                   fmt::join(shown, ", "), known.size() > kShown ? ", ..." : "");
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool is_utf8(const std::string& text) {
  try {
    static_cast<void>(nlohmann::json(text).dump());
    return true;
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

/// For messages: replaces control characters and bytes that are not ASCII by \xNN.
std::string in_ascii(const std::string& name) {
  std::string text;
  for (const char c : name) {
    const bool is_plain = !is_control(c) && static_cast<unsigned char>(c) < 0x80;
    text += is_plain ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return text;
}

/// Why this class name is not allowed; empty if it is allowed.
std::string_view why_invalid(const std::string& name, size_t classes) {
  if (!is_utf8(name)) return "is not UTF-8";
  if (std::ranges::any_of(name, is_control))
    return "contains a line break or another control character";
  if (without_spaces(name).empty()) return "consists only of spaces";
  if (without_spaces(name) == "all" && classes > 1)
    return "means all classes when classes are selected";
  return {};
}

}  // namespace

bool means_all_classes(std::string_view list) { return list.empty() || list == "all"; }

std::vector<int64_t> find_classes(std::string_view list, const std::vector<std::string>& known,
                                  std::string_view where) {
  std::vector<int64_t> indices;
  const size_t commas = most_commas(known);
  for (size_t begin = 0; begin <= list.size();) {
    const auto ends = possible_ends(list, begin, commas);
    std::vector<int64_t> found;
    const auto end = std::ranges::find_if(ends, [&](size_t at) {
      found = classes_called(list.substr(begin, at - begin), known);
      return !found.empty();
    });
    if (end == ends.end()) throw_unknown(list.substr(begin, ends.back() - begin), known, where);
    indices.insert(indices.end(), found.begin(), found.end());
    begin = *end + 1;
  }
  return indices;
}

void check_class_names(const std::vector<std::string>& names, std::string_view where) {
  std::set<std::string_view> seen;
  for (const std::string& name : names) {
    if (const auto fault = why_invalid(name, names.size()); !fault.empty()) {
      throw InputError("{}: the folder '{}' cannot name a class, as its name {}; rename it", where,
                       in_ascii(name), fault);
    }
    if (!seen.insert(without_spaces(name)).second) {
      throw InputError(
          "{}: two folders are called '{}', apart from spaces around the name; rename one of them",
          where, without_spaces(name));
    }
  }
}

}  // namespace gm
