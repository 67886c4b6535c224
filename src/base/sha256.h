/// SHA-256 (FIPS 180-4), for files that a user names by this hash, as `sha256sum FILE` prints it.
#pragma once

#include <string>
#include <string_view>

namespace gm {

/// The hash of `bytes`: 64 lower-case hexadecimal digits.
std::string sha256(std::string_view bytes);

}  // namespace gm
