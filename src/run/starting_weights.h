/// The weights that a new run starts from.
#pragma once

#include <string>

#include "comm/communicator.h"
#include "nn/network.h"

namespace gm {

/// Loads the file of model.weights into `network`; does nothing if `path` is empty. Returns a
/// remark about the file for the user; may be empty. Called by all ranks. Throws InputError when
/// the file cannot be used or is not the same on all ranks.
std::string load_starting_weights(const std::string& path, Communicator& communicator,
                                  Network& network);

}  // namespace gm
