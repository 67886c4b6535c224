/// Detects file types other than JPEG and PNG, for error messages.
#pragma once

#include <string_view>

namespace gm {

/// "a WebP image", "a web page", ..., from the first bytes of the file; empty if unknown.
std::string_view kind_of_file(std::string_view bytes);

}  // namespace gm
