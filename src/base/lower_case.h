/// Text in lower case, as names of files are compared.
#pragma once

#include <filesystem>
#include <string>

namespace gm {

/// `text` with the letters A to Z in lower case.
std::string in_lower_case(std::string text);

/// The file extension in lower case, such as `.png`; empty if there is none.
std::string extension_of(const std::filesystem::path& path);

}  // namespace gm
