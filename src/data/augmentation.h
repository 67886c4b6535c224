/// Random augmentation of training images: enlarge, crop, mirror.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace gm {

struct AugmentationOptions {
  double resize_crop = 1.0;  ///< Enlarge by this factor (>= 1), then random crop; 1: off.
  bool flip = false;         ///< Mirror left and right with probability one half.
};

/// The training transform of the reference implementation: resize both sides to int(resize_crop *
/// side) with Pillow's bilinear filter (antialiased, two passes, 8 bits between them), random crop
/// to the original size, random mirror, and 0..255 mapped to [-1,1] as by scale_pixels().
///
/// `pixels` are uint8 [n,H,W,C] with 1 or 3 channels. The random numbers of an image depend only on
/// `seed` and on its entry of `positions` (int64 [n] on the CPU). Returns float32 [n,C,H,W],
/// channels last, on the device of `pixels`. Runs on the calling thread.
at::Tensor augment(const at::Tensor& pixels, const at::Tensor& positions,
                   const AugmentationOptions& options, uint64_t seed);

}  // namespace gm
