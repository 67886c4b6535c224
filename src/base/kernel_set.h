/// Which instruction set the CPU kernels use: chosen once, when the program starts.
///
/// Every source file in a folder `cpu/` is compiled once for each set (cmake/GmUnits.cmake), each
/// time in another namespace. Only the kernels of the chosen set are registered.
#pragma once

#include <string_view>

namespace gm {

/// In the order of increasing requirements.
enum class KernelSet {
  aten,      ///< The network's operators are ATen's: a reference for whole runs. All other kernels
             ///< are those of portable.
  portable,  ///< Runs on every machine of the architecture, with the compiler's 16-byte vectors.
  avx2,      ///< AVX2 and FMA: x86-64 since 2013.
  avx512,    ///< AVX-512 F, VL, BW and DQ.
};

/// The name in GM_KERNELS: "portable".
std::string_view name_of(KernelSet set);

/// Whether the kernels were compiled for `set` and this machine can run them.
bool is_available(KernelSet set);

/// The available set with the highest requirements.
KernelSet best_kernel_set();

/// The set that `wanted` names, or the best one if it is empty. Throws InputError if there is no
/// such set, or if this machine cannot run it.
KernelSet choose_kernel_set(std::string_view wanted);

/// The set in use: the one that the environment variable GM_KERNELS names, or the best one if the
/// variable is not set or its set is not available.
KernelSet kernel_set();

/// Throws InputError if the set in GM_KERNELS is not available. Programs call it before they
/// compute anything.
void require_wanted_kernel_set();

}  // namespace gm
