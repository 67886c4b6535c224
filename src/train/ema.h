/// The exponential moving average of the weights.
#pragma once

#include <cstdint>

#include "train/train_config.h"

namespace gm {

/// Weight of the old average in a step of `samples_per_step` samples, after `samples` samples. The
/// half-life of an old weight in the average is `half_life_images` or, early in a run, `ramp *
/// images`. 0 when averaging is off: the average then equals the weights.
double ema_decay(const EmaConfig& config, int64_t samples_per_step, int64_t samples);

}  // namespace gm
