/// Input, output and errors of inpainting, for all tasks.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "tasks/inpainter.h"

namespace gm {

/// Makes the masks of the global sample positions `positions`, int64 [n] on the CPU: float32
/// [n,1,H,W].
using MaskMaker = std::function<at::Tensor(const at::Tensor& positions)>;

/// The masked images on `device`.
MaskedImages upload(const MaskedImages& masked_images, at::Device device);

/// The input of a network for masked images, [n,C+1,H,W], channels last: the images with masked
/// pixels set to 0 (grey), and the mask.
at::Tensor network_input(const MaskedImages& masked_images);

/// The images with `filling` [n,C,H,W] at the masked pixels. The known pixels are bitwise
/// unchanged.
at::Tensor paste(const MaskedImages& masked_images, const at::Tensor& filling);

/// The same with `filling` clamped to [-1,1].
at::Tensor inpaint_with_prediction(const MaskedImages& masked_images, const at::Tensor& filling);

/// Errors of `filled` images, which differ from the `original` ones only at masked pixels. They are
/// means over images: the error of a batch is the mean of the errors of its equal parts.
///
/// Summed over all values of an image: ||m * (y - x')||^2.
at::Tensor summed_squared_error(const at::Tensor& filled, const at::Tensor& original);
/// Averaged over the masked values of an image.
at::Tensor mean_squared_error(const at::Tensor& filled, const at::Tensor& original,
                              const at::Tensor& masks);
at::Tensor mean_absolute_error(const at::Tensor& filled, const at::Tensor& original,
                               const at::Tensor& masks);

}  // namespace gm
