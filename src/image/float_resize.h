/// Resizing without rounding to 8 bits, as clean-fid does before it computes features.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace gm {

/// `images`, float [n,C,H,W] on any device, resized to height x width with the bicubic filter of
/// Pillow, channel by channel: float32 [n,C,height,width], on the same device. The values are those
/// of Pillow for images of mode "F" up to the last bit of float32. They may exceed the range of the
/// input: the filter overshoots at edges. An axis that keeps its size is not changed.
at::Tensor resize_bicubic(const at::Tensor& images, int64_t height, int64_t width);

}  // namespace gm
