/// The exponential moving average of the weights.
#pragma once

#include <cstdint>

#include "train/train_config.h"

namespace gm {

/// Weight of the old average in a step of `images_per_step` images, after `images` images. The
/// half-life of an old weight in the average is `half_life_images` or, early in a run, `ramp *
/// images`. 0 when averaging is off: the average then equals the weights.
double ema_decay(const EmaConfig& config, int64_t images_per_step, int64_t images);

}  // namespace gm
