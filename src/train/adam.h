/// Adam and the moving average of the weights on flat buffers. Kingma and Ba, "Adam: a method for
/// stochastic optimization", 2015.
#pragma once

#include <cstdint>

#include "train/flat_parameters.h"
#include "train/train_config.h"

namespace gm {

/// The parameters of one update.
struct AdamUpdate {
  double learning_rate = 0;
  int64_t count = 1;            ///< Number of this update, from 1; for the bias correction.
  double gradient_divisor = 1;  ///< Turns the sum over ranks and micro-batches into a mean.
  double ema_decay = 0;         ///< Weight of the old average.
};

/// One update of all parameters, and of their moving average if one is kept. Equal to PyTorch's
/// Adam and lerp up to rounding. The gradients are undefined afterwards. Runs as the operator
/// gm::adam_update, in a single pass on devices that have a kernel for it.
void adam_update(FlatParameters& flat, const OptimizerConfig& config, const AdamUpdate& update);

/// The same by PyTorch's Adam and lerp: the reference for tests.
void adam_update_plain(FlatParameters& flat, const OptimizerConfig& config,
                       const AdamUpdate& update);

}  // namespace gm
