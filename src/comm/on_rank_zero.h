/// What one rank does for all: its result, or its failure, is everyone's.
#pragma once

#include <functional>
#include <string>

namespace gm {

class Communicator;

/// Rank 0 runs `act`; every rank returns its text. When it throws, every rank throws an exception
/// with the same message and exit status, so that the others neither wait nor guess. Called by all
/// ranks.
std::string on_rank_zero(Communicator& communicator, const std::function<std::string()>& act);

}  // namespace gm
