/// Class names: parsing of lists from a user (`all`, or names separated by commas), and the rules
/// for allowed names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gm {

bool means_all_classes(std::string_view list);

/// The indices in `known` of the names in `list`, in the list's order. Spaces around a name are
/// ignored. Names may contain commas: the longest matching name is used. Throws InputError, which
/// lists the classes of `where`, when a name is unknown.
std::vector<int64_t> find_classes(std::string_view list, const std::vector<std::string>& known,
                                  std::string_view where);

/// Throws InputError, which says which folder of `where` to rename and why, unless find_classes()
/// can distinguish these names and they are valid in a line of text and in every HDF5 reader.
void check_class_names(const std::vector<std::string>& names, std::string_view where);

}  // namespace gm
