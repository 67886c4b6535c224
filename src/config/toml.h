/// Reads TOML (https://toml.io, version 1.0) into assignments of keys.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "config/value.h"

namespace gm {

/// The assignments of a TOML text, in the order in which they are written; `name` is the file's,
/// for messages. Throws InputError with file, line and column.
std::vector<Assignment> parse_toml(std::string_view text, const std::string& name);

/// The assignments of a file. Throws InputError, also for a file larger than 1 MiB.
std::vector<Assignment> read_toml(const std::filesystem::path& file);

/// Whether an argument of a command line is a `section.key=value`, rather than the name of a file
/// or directory, which may hold a `=` too, such as runs/lr=0.1: what is there, or has a `/` before
/// the `=`, is such a name.
bool is_assignment(std::string_view argument);

/// One `section.key=value` of a command line. The value is TOML; what is none is text, so quotes
/// are needed around nothing but an empty text. Throws InputError when there is no `=`, or nothing
/// behind it.
Assignment parse_override(std::string_view argument);

}  // namespace gm
