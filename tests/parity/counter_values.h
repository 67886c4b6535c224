/// Random inputs and weights. tests/parity/counter_random.py generates bitwise equal values for the
/// scripts that run the oracles.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>

#include "base/counter_rng.h"

namespace gm::parity {

/// Streams that no run uses.
inline constexpr Stream kInputs{1001};
inline constexpr Stream kWeights{1002};
inline constexpr Stream kProjections{1003};

/// float32 values uniform on [low, high).
inline at::Tensor counter_uniform(uint64_t seed, Stream stream, uint64_t position,
                                  at::IntArrayRef shape, double low = -1.0, double high = 1.0) {
  CounterRng random(seed, stream, position);
  at::Tensor values = at::empty(shape, at::kFloat);
  std::generate_n(values.data_ptr<float>(), values.numel(), [&] {
    return static_cast<float>(low + (high - low) * static_cast<double>(random.uniform()));
  });
  return values;
}

}  // namespace gm::parity
