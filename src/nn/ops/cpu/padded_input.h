/// Images with a border of zeros. The part of a row of pixels that a convolution window covers is
/// then always contiguous, and the windows of a row of results are the rows of a matrix.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "nn/ops/cpu/simd.h"

namespace gm::ops::GM_KERNEL_SET {

class PaddedInput {
 public:
  /// Holds up to `most` images of the size and channels of `like` [N,C,H,W], with `border` pixels
  /// on each side. With a `stride` of 2, the numbers of rows and columns are rounded up to even
  /// numbers, and the even rows are stored before the odd ones.
  PaddedInput(const at::Tensor& like, int64_t most, int64_t border, int64_t stride = 1);

  /// Replaces the images by `count` dense `images`.
  void copy(const float* images, int64_t count);

  /// Row y of image n, counted from the top of the border.
  const float* row(int64_t n, int64_t y) const { return values_.data() + at(n, y); }
  /// Floats of a row: the distance from a row to the `stride`-th row after it.
  int64_t length() const { return length_; }
  /// Floats of an image without its border.
  int64_t image_size() const { return height_ * width_ * channels_; }

 private:
  int64_t at(int64_t n, int64_t y) const {
    return (n * rows_ + y % stride_ * (rows_ / stride_) + y / stride_) * length_;
  }

  int64_t height_, width_, channels_, border_, stride_;
  int64_t rows_, length_;
  std::vector<float> values_;
};

}  // namespace gm::ops::GM_KERNEL_SET
