/// Work that rank 0 does for all ranks: every rank gets its result, or its failure.
#pragma once

#include <functional>
#include <string>

namespace gm {

class Communicator;

/// Rank 0 runs `act`. When it throws, every rank throws an exception of the same kind (InputError,
/// StopRequested, else Error) with the same message. Called by all ranks.
void on_rank_zero(Communicator& communicator, const std::function<void()>& act);

/// The same; every rank returns the text that `act` returned on rank 0.
std::string text_from_rank_zero(Communicator& communicator,
                                const std::function<std::string()>& act);

}  // namespace gm
