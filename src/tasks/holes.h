/// What every task that fills holes does with them.
#pragma once

#include <ATen/core/Tensor.h>

#include "tasks/task.h"

namespace gm {

/// What a network is shown of pictures with holes, [n,C+1,H,W], channels last: the pictures with 0
/// (grey) where they are missing, and the mask.
at::Tensor network_input(const IncompletePictures& incomplete);

/// The pictures with `filling` [n,C,H,W] where they are missing, clamped to [-1,1]; the known
/// pixels as they were, to the bit.
at::Tensor fill_holes(const IncompletePictures& incomplete, const at::Tensor& filling);

}  // namespace gm
