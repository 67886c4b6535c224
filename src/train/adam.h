/// Adam and the moving average of the weights on flat buffers. Kingma and Ba, "Adam: a method for
/// stochastic optimization", 2015.
#pragma once

#include <cstdint>

#include "train/flat_parameters.h"
#include "train/train_config.h"

namespace gm {

/// The numbers of one update.
struct AdamUpdate {
  double learning_rate = 0;
  int64_t count = 1;            ///< From 1; corrects the moments' bias.
  double gradient_divisor = 1;  ///< Makes a sum over ranks and micro-batches a mean.
  double ema_decay = 0;         ///< Share of the old average that stays.
};

/// One update of all parameters, and of their moving average if one is kept, in a single pass,
/// equal to PyTorch's Adam and lerp to rounding. What the gradients hold afterwards is undefined.
void adam_update(FlatParameters& flat, const OptimizerConfig& config, const AdamUpdate& update);

/// The same as plain ATen operators: the oracle, and the way on other devices than the CPU.
void adam_update_plain(FlatParameters& flat, const OptimizerConfig& config,
                       const AdamUpdate& update);

}  // namespace gm
