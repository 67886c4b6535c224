/// What one rank does for all: its result, or its failure, is everyone's.
#pragma once

#include <functional>
#include <string>

namespace gm {

class Communicator;

/// Rank 0 runs `act`. When it throws, every rank throws an exception of the same kind (InputError,
/// StopRequested, else Error) with the same message, so that the others neither wait nor guess.
/// Called by all ranks.
void on_rank_zero(Communicator& communicator, const std::function<void()>& act);

/// The same; every rank returns the text that `act` gave on rank 0.
std::string text_from_rank_zero(Communicator& communicator,
                                const std::function<std::string()>& act);

}  // namespace gm
