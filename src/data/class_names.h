/// Lists of classes as a user writes them: `all`, or names separated by commas.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gm {

bool means_all_classes(std::string_view list);

/// The indices in `known` of the names in `list`, in the list's order. Throws InputError, naming
/// the classes that there are in `where`, when a name is unknown.
std::vector<int64_t> find_classes(std::string_view list, const std::vector<std::string>& known,
                                  std::string_view where);

}  // namespace gm
