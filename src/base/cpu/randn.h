/// Normal values by the chosen set of kernels.
#pragma once

#include <array>
#include <cstdint>

namespace gm {

/// Standard normal values [count]: 4i to 4i + 3 from the words of philox() for `counter` with i
/// added to its first word, by Box and Muller's transform of words 0 and 1 and of words 2 and 3.
/// With u = (word / 2^8 + 1) / 2^24, a pair is sqrt(-2 ln u0) times cosine and sine of 2 pi u1, to
/// 1e-6 where it is largest (sqrt(48 ln 2) = 5.8).
using FillNormal = void(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key, float* values,
                        int64_t count);

extern constinit FillNormal* fill_normal_kernel;

}  // namespace gm
