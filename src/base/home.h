/// Expands `~` in paths that no shell has expanded, such as run.dir=~/runs/cats.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gm {

/// `path` with a leading `~` replaced by this user's home folder; other paths unchanged. nullopt
/// for another user's home folder (`~ada/runs`), which is not looked up, and if the home folder is
/// unknown.
std::optional<std::string> expand_home(std::string_view path);

}  // namespace gm
