/// What every task that inpaints does with them, and how well they are filled.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "tasks/task.h"

namespace gm {

/// The masks of the global sample positions `positions`, int64 [n] on the CPU: float32 [n,1,H,W].
using MaskMaker = std::function<at::Tensor(const at::Tensor& positions)>;

/// What a network is shown of masked images, [n,C+1,H,W], channels last: the images with 0
/// (grey) where they are missing, and the mask.
at::Tensor network_input(const MaskedImages& incomplete);

/// The images with `filling` [n,C,H,W] where they are missing; the known pixels as they were, to
/// the bit.
at::Tensor paste(const MaskedImages& incomplete, const at::Tensor& filling);

/// The same with `filling` clamped to [-1,1].
at::Tensor inpaint_with_prediction(const MaskedImages& incomplete, const at::Tensor& filling);

/// Errors of `filled` images, which differ from the `original` ones where they are missing only.
/// They are means over images: those of a batch are the means of those of its equal parts.
///
/// Summed over all values of an image: ||m * (y - x')||^2.
at::Tensor summed_squared_error(const at::Tensor& filled, const at::Tensor& original);
/// Mean over the missing values of an image.
at::Tensor mean_squared_error(const at::Tensor& filled, const at::Tensor& original,
                              const at::Tensor& masks);
at::Tensor mean_absolute_error(const at::Tensor& filled, const at::Tensor& original,
                               const at::Tensor& masks);

}  // namespace gm
