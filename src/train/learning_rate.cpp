#include "train/learning_rate.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace gm {

double learning_rate_at(const OptimizerConfig& config, int64_t step, int64_t steps) {
  if (step < config.warmup_steps) {
    return config.learning_rate * static_cast<double>(step + 1) /
           static_cast<double>(config.warmup_steps + 1);
  }
  if (config.schedule == LearningRateSchedule::kConstant) return config.learning_rate;
  const double after_warmup = static_cast<double>(step - config.warmup_steps);
  const double decay_steps = static_cast<double>(std::max<int64_t>(1, steps - config.warmup_steps));
  const double progress = std::min(1.0, after_warmup / decay_steps);
  return config.learning_rate * 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
}

}  // namespace gm
