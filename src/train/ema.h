/// The exponential moving average of the weights.
#pragma once

#include <cstdint>

#include "train/train_config.h"

namespace gm {

/// Share of the old average that survives a step of `images_per_step` images when `images` have
/// been seen: the average halves its memory of a weight every `half_life_images`, or every `ramp *
/// images` early in a run. 0 when averaging is off: the average then equals the weights.
double ema_decay(const EmaConfig& config, int64_t images_per_step, int64_t images);

}  // namespace gm
