/// Images in a border of zeros: what a window of a convolution sees of a row of pixels is then
/// one run of memory wherever it stands, and the windows of a row of results are the rows of a
/// matrix.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "nn/ops/cpu/simd.h"

namespace gm::ops::GM_KERNEL_SET {

class PaddedInput {
 public:
  /// For up to `most` images of the size and channels of `like` [N,C,H,W] at a time, with
  /// `border` pixels on each side. With a `stride` of 2, rows and columns are filled up to even
  /// numbers, and the even rows lie before the odd ones.
  PaddedInput(const at::Tensor& like, int64_t most, int64_t border, int64_t stride = 1);

  /// Takes `count` dense images in place of those before.
  void copy(const float* images, int64_t count);

  /// Row y of image n, counted from the top of the border on.
  const float* row(int64_t n, int64_t y) const { return values_.data() + at(n, y); }
  /// Floats of a row, and so from one row to the `stride`-th after it.
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
