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

/// Whether an argument of a command line is a `section.key=value` and not the name of a file or
/// directory. Such a name may also contain a `=`, as in runs/lr=0.1: an argument is a name if it
/// exists as a file or directory, or has a `/` before the `=`.
bool is_assignment(std::string_view argument);

/// Parses one `section.key=value` of a command line. The value is read as TOML; if it is not TOML,
/// it is text, so that only an empty text needs quotes. Throws InputError if there is no `=`, or
/// nothing after it.
Assignment parse_override(std::string_view argument);

}  // namespace gm
