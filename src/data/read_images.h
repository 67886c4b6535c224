/// Images of a dataset as tensors, without augmentation.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "data/batch.h"
#include "data/image_dataset.h"

namespace gm {

/// Maps 0..255 to [-1,1]; both ends are exact.
void scale_pixels(std::span<const uint8_t> pixels, float* values);

/// The images with the numbers `indices` (int64 [n] on the CPU): float32 [n,C,H,W] in [-1,1],
/// channels last. to_pixels() restores the pixels exactly.
at::Tensor read_images(const ImageDataset& dataset, const at::Tensor& indices);

/// The same as a batch, with labels if the dataset has them; the positions are the numbers.
Batch read_batch(const ImageDataset& dataset, const at::Tensor& indices);

}  // namespace gm
