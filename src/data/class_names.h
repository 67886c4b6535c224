/// Names of classes: lists of them as a user writes them (`all`, or names separated by commas), and
/// which names a class may have.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gm {

bool means_all_classes(std::string_view list);

/// The indices in `known` of the names in `list`, in the list's order. Blanks around a name do not
/// count, and where a name itself holds commas, the longest one that fits is meant. Throws
/// InputError, naming the classes that there are in `where`, when a name is unknown.
std::vector<int64_t> find_classes(std::string_view list, const std::vector<std::string>& known,
                                  std::string_view where);

/// Throws InputError, saying which folder of `where` to rename and why, unless find_classes() tells
/// these names apart, and a line of text and every reader of HDF5 can hold them.
void check_class_names(const std::vector<std::string>& names, std::string_view where);

}  // namespace gm
