/// Tables of kinds, such as samplers: vectors of entries with a `name`, which is the value of a
/// key.
#pragma once

#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"

namespace gm {

template <class Entry>
std::vector<std::string> names_in(const std::vector<Entry>& table) {
  std::vector<std::string> names;
  for (const Entry& entry : table) names.push_back(entry.name);
  return names;
}

/// The entry called `name`, the value of `key`. Throws InputError if there is none.
template <class Entry>
const Entry& find_named(const std::vector<Entry>& table, const std::string& name, const char* key) {
  const auto found = std::ranges::find(table, name, &Entry::name);
  if (found != table.end()) return *found;
  throw InputError("{} is {}: it is none of {}", key, name, fmt::join(names_in(table), ", "));
}

}  // namespace gm
