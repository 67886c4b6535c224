/// Checks that all ranks run the same program on the same input with the same parameters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gm {

class Communicator;

/// Identifies this build: a hash of the build ids that the linker gave the program, libgm and
/// LibTorch.
std::string program_build_id();

/// Throws InputError, with the ranks and hosts of each build, if the ranks have different ones.
/// Called by all ranks, like the functions below.
void require_same_program(Communicator& communicator);

/// Throws InputError on every rank unless all ranks give the same `value`. The message says which
/// ranks have which value; for a text of many lines, the first line that differs. `what` starts the
/// sentence: "the configuration". Called by all ranks.
void require_same_everywhere(Communicator& communicator, std::string_view what,
                             std::string_view value);

/// Throws InputError on every rank unless `problem` is empty on all of them. The message is `what`,
/// the ranks and hosts with their problems, and `remedy`. Called by all ranks.
void require_no_problem(Communicator& communicator, std::string_view what, std::string_view problem,
                        std::string_view remedy);

/// Throws InputError on every rank if the set in GM_KERNELS is not available (base/kernel_set.h),
/// or if ranks use different kernels: their results are rounded differently. Called by all ranks.
void require_same_kernels(Communicator& communicator);

/// Throws Error on every rank if the hash of the parameters differs between ranks after `step`. The
/// message says which ranks have which hash. Called by all ranks.
void require_equal_parameters(Communicator& communicator, int64_t step, std::string_view hash);

}  // namespace gm
