/// Files that are code, and that the user has said to trust.
#pragma once

#include <string>
#include <vector>

namespace gm {

/// The SHA-256 of each file that the user trusts. They are lines of the file `trusted_code` in the
/// user's own cache folder ($XDG_CACHE_HOME/gm or ~/.cache/gm). No configuration can change them or
/// name another folder: a run that comes from a stranger must not be able to trust itself.
std::vector<std::string> trusted_code();

/// Adds a hash, as `sha256sum FILE` prints it. Throws InputError if it is no SHA-256, or if the
/// file cannot be written.
void trust_code(const std::string& sha256);

}  // namespace gm
