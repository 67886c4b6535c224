/// Standard normal values, computed by the kernel set in use.
#pragma once

#include <array>
#include <cstdint>

namespace gm {

/// Fills `values` [count] with standard normal values. Values 4i to 4i + 3 come from the words of
/// philox() for `counter` with i added to its first word: a Box-Muller transform of words 0 and 1
/// gives two of them, one of words 2 and 3 the others. With u = (word / 2^8 + 1) / 2^24, a pair is
/// sqrt(-2 ln u0) times the cosine and sine of 2 pi u1. The error is at most 1e-6, at the largest
/// values (sqrt(48 ln 2) = 5.8).
using FillNormal = void(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key, float* values,
                        int64_t count);

extern constinit FillNormal* fill_normal_kernel;

}  // namespace gm
