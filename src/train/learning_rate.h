/// The learning rate schedule.
#pragma once

#include <cstdint>

#include "train/train_config.h"

namespace gm {

/// Learning rate at `step` (counted from 0) in a run of `steps`: a linear warm-up that reaches the
/// full rate at step `warmup_steps`, then constant, or a half cosine that falls to zero at the end
/// of the run.
double learning_rate_at(const OptimizerConfig& config, int64_t step, int64_t steps);

}  // namespace gm
