/// Keys, values of keys, and options that had other names in earlier versions of gm.
#pragma once

#include <string>
#include <string_view>

#include "config/value.h"

namespace gm {

/// The assignment with the current names of its key and value. An old name is accepted, with a
/// warning that gives the new one, once for each name.
Assignment with_current_names(Assignment assignment);

/// The same for an argument that is an option, `--name` or `--name=value`.
std::string with_current_name(std::string argument);

/// The name that a current key had before its first renaming.
std::string_view original_name(std::string_view key);

/// The same for a value of `key`. Key and value have their current names; values are TOML.
std::string original_value(std::string_view key, std::string_view value);

}  // namespace gm
