/// How often a launcher has started this world again.
#pragma once

#include <optional>

namespace gm {

class Communicator;

/// GM_RESTARTS of rank 0, since mpirun does not pass on the environment to other hosts: 0 at the
/// first start, nullopt without a launcher that starts a failed world again. Throws InputError if
/// the variable is not such a number. Called by all ranks.
std::optional<int> restarts_so_far(Communicator& ranks);

}  // namespace gm
