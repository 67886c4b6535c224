/// Keys, values of keys, and options that had other names in earlier versions of gm.
#pragma once

#include <string>
#include <string_view>

#include "config/value.h"

namespace gm {

/// The assignment with today's names of its key and value. An old name is read, with a warning that
/// tells the new one, once for each name.
Assignment with_current_names(Assignment assignment);

/// The same for an argument that is an option, `--name` or `--name=value`.
std::string with_current_name(std::string argument);

/// The name that a key of today had before its first renaming.
std::string_view first_name(std::string_view key);

/// The same for a value of `key`, both as of today; the value as TOML.
std::string first_value(std::string_view key, std::string_view value);

}  // namespace gm
