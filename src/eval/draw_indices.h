/// Random subsets.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "base/counter_rng.h"

namespace gm {

/// `count` different numbers of 0 .. population - 1, in random order: int64 [count] on the CPU.
at::Tensor draw_indices(int64_t population, int64_t count, CounterRng random);

}  // namespace gm
