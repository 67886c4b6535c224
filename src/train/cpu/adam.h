/// Adam and the moving average with the selected kernel set.
#pragma once

#include <cstdint>

namespace gm {

/// Pointers into the flat buffers.
struct AdamBuffers {
  float* parameters;
  const float* gradients;
  float* first_moments;
  float* second_moments;
  float* ema;  ///< Null if no average is kept.

  /// The same buffers, starting at element `i`.
  AdamBuffers from(int64_t i) const {
    return {parameters + i, gradients + i, first_moments + i, second_moments + i,
            ema == nullptr ? nullptr : ema + i};
  }
};

/// One update of an element with gradient g: g *= gradient_factor, m += first_share * (g - m),
/// v = second_decay * v + second_share * g^2, p -= step * m / (sqrt(v) * deviation_factor +
/// epsilon), and ema += ema_share * (p - ema).
struct AdamFactors {
  float gradient_factor;
  float first_share;
  float second_decay, second_share;
  float deviation_factor, epsilon;
  float step;
  float ema_share;
};

/// Updates `count` elements of all buffers in one pass. Expects `count` to be a multiple of 16.
/// Runs on the calling thread.
using AdamKernel = void(const AdamFactors& factors, const AdamBuffers& buffers, int64_t count);

extern constinit AdamKernel* adam_kernel;

}  // namespace gm
