/// Whether a launcher starts this world again after a failure.
#pragma once

#include <optional>

namespace gm {

/// How often the launcher has started this world again (GM_RESTARTS): 0 at its first start, nullopt
/// if it will not be started again. Throws InputError if the variable is not such a number.
std::optional<int> restarts_so_far();

}  // namespace gm
