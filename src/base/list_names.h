/// Lists of names in messages.
#pragma once

#include <string>
#include <vector>

namespace gm {

/// The first five names and how many more there are: "a, b, c, d, e and 3 more".
std::string list_names(const std::vector<std::string>& names);

}  // namespace gm
