/// Windows of pictures as the rows of a matrix, some at a time: they make a convolution a product.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "nn/ops/cpu/simd.h"

namespace gm::ops::GM_KERNEL_SET {

/// Dense pictures [N,height,width,channels].
template <class Float>
struct PictureBatch {
  Float* data;
  int64_t height, width, channels;

  int64_t values() const { return height * width * channels; }
};

inline PictureBatch<const float> pictures_of(const at::Tensor& x) {
  return {x.const_data_ptr<float>(), x.size(2), x.size(3), x.size(1)};
}

/// Square windows of `size` x `size` pixels, `rows` x `columns` of them to a picture. The first
/// begins `padding` pixels above and to the left of the picture, each next one `stride` further.
struct Windows {
  int64_t size, stride, padding;
  int64_t rows, columns;

  int64_t per_picture() const { return rows * columns; }
};

/// Floats between the rows of a matrix. Rows a large power of two apart would push each other out
/// of the nearest cache when columns are read.
inline constexpr int64_t kGap = 16;

/// Some windows of pictures [N,H,W,channels] as the rows [size,size,channels] of a matrix, as many
/// as the second cache has room for.
class WindowBlock {
 public:
  WindowBlock(const Windows& windows, int64_t channels);

  /// The values of a row, and the floats from one row to the next.
  int64_t length() const { return length_; }
  int64_t stride() const { return length_ + kGap; }
  /// Rows, at most.
  int64_t most() const { return most_; }
  const float* data() const { return values_.data(); }

  /// Copies windows from number `first` of all pictures on, as many as there is room for but none
  /// from `end` on, with zeros where a window stands out of its picture. Returns how many.
  int64_t fill(const PictureBatch<const float>& pictures, int64_t first, int64_t end);

 private:
  Windows windows_;
  int64_t length_;
  int64_t most_;
  std::vector<float> values_;
};

}  // namespace gm::ops::GM_KERNEL_SET
