/// Adam on flat buffers. Kingma and Ba, "Adam: a method for stochastic optimization", 2015.
#pragma once

#include <cstdint>

#include "train/flat_parameters.h"
#include "train/train_config.h"

namespace gm {

/// One update of all parameters in a single fused pass, equal to PyTorch's Adam. `update` counts
/// from 1 and corrects the moments' bias. The gradients are divided by `gradient_divisor` first, in
/// place: a sum over ranks and micro-batches becomes a mean at no cost.
void adam_update(FlatParameters& flat, const OptimizerConfig& config, double learning_rate,
                 int64_t update, double gradient_divisor);

}  // namespace gm
