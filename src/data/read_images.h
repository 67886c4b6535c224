/// Images of a dataset as tensors, just as they lie there.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "data/image_dataset.h"

namespace gm {

/// 0..255 to [-1,1], both ends exact.
void to_unit_range(std::span<const uint8_t> pixels, float* values);

/// The images number `indices` (int64 [n] on the CPU): float32 [n,C,H,W] in [-1,1], channels
/// last. Pixels come back exactly by to_pixels().
at::Tensor read_images(const ImageDataset& dataset, const at::Tensor& indices);

}  // namespace gm
