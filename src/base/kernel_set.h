/// Which instruction set the CPU kernels use: chosen once, when the program starts.
///
/// Every source in a folder `cpu/` is compiled once for each set (cmake/GmKernels.cmake), in a
/// namespace of its own; only the copies of the chosen set put themselves to use.
#pragma once

#include <string_view>

namespace gm {

/// From the least demanding to the most.
enum class KernelSet {
  aten,      ///< No kernels for the network's operators: ATen's run in their place, as an oracle of
             ///< whole runs. The rest as with portable.
  portable,  ///< What every machine of the architecture knows; the compiler's vectors of 16 bytes.
  avx2,      ///< AVX2 and FMA: x86-64 since 2013.
  avx512,    ///< AVX-512 F, VL, BW and DQ.
};

/// As GM_KERNELS spells it: "portable".
std::string_view name_of(KernelSet set);

/// Whether the kernels were compiled for `set` and this machine can run them.
bool is_available(KernelSet set);

/// The most demanding set that is available.
KernelSet best_kernel_set();

/// The set that `wanted` names, or the best one where it is empty. Throws InputError where there is
/// no such set, or not on this machine.
KernelSet choose_kernel_set(std::string_view wanted);

/// The set in use: what the environment variable GM_KERNELS asks for, or the best one where it is
/// not set or cannot be met.
KernelSet kernel_set();

/// Throws InputError where GM_KERNELS cannot be met: programs call it before they compute anything.
void require_wanted_kernel_set();

}  // namespace gm
