/// The home folder in paths that no shell has expanded, as in run.dir=~/runs/cats.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gm {

/// `path` with a leading `~` in place of which the home folder of this user stands; other paths as
/// they are. Nothing for another user's (`~ada/runs`), which is not looked up, and where nobody
/// knows the home folder.
std::optional<std::string> with_home(std::string_view path);

}  // namespace gm
