/// How the error of a prediction is measured.
#pragma once

#include <ATen/core/Tensor.h>

#include "diffusion/diffusion_config.h"

namespace gm {

/// The loss of diffusion.loss, for e = output - target:
/// * l1: |e|
/// * l2: e^2
/// * huber: e^2 / 2 where |e| < 1, else |e| - 1/2. Huber, "Robust estimation of a location
///   parameter", 1964.
///
/// `output` and `target` are float [N,C,H,W]. The result is the mean over all values, a scalar with
/// a gradient. `weights` [N] multiply the errors of each image; undefined: all are 1.
at::Tensor diffusion_loss(DiffusionLoss kind, const at::Tensor& output, const at::Tensor& target,
                          const at::Tensor& weights = {});

/// The same, averaged over the values of each image: [N]. diffusion_loss() is their mean.
at::Tensor diffusion_losses(DiffusionLoss kind, const at::Tensor& output, const at::Tensor& target,
                            const at::Tensor& weights = {});

}  // namespace gm
