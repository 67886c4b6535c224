/// Proofs that all ranks run the same program on the same input and hold the same parameters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gm {

class Communicator;

/// Tells this build from any other: the build ids that the linker gave the program and libgm.
std::string program_build_id();

/// Throws InputError on every rank when the ranks do not all give the same `value`, naming which
/// ranks give what; of a text of many lines, the first line that differs. `what` starts the
/// sentence: "the configuration". Called by all ranks.
void require_same_everywhere(Communicator& communicator, std::string_view what,
                             std::string_view value);

/// Throws InputError on every rank where GM_KERNELS cannot be met (base/kernel_set.h), or ranks
/// compute with different kernels: other instructions round otherwise. Called by all ranks.
void require_same_kernels(Communicator& communicator);

/// Throws Error on every rank when the hash of the parameters differs between ranks after `step`,
/// naming which ranks hold what. Called by all ranks.
void require_equal_parameters(Communicator& communicator, int64_t step, std::string_view hash);

}  // namespace gm
