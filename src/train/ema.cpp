#include "train/ema.h"

#include <algorithm>
#include <cmath>

namespace gm {

double ema_decay(const EmaConfig& config, int64_t samples_per_step, int64_t samples) {
  double half_life = config.half_life_images;
  if (config.ramp > 0) half_life = std::min(half_life, config.ramp * static_cast<double>(samples));
  return half_life > 0 ? std::exp2(-static_cast<double>(samples_per_step) / half_life) : 0.0;
}

}  // namespace gm
