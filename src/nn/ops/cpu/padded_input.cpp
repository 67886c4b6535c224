#include "nn/ops/cpu/padded_input.h"

#include <algorithm>

namespace gm::ops::GM_KERNEL_SET {

PaddedInput::PaddedInput(const at::Tensor& like, int64_t most, int64_t border, int64_t stride)
    : height_(like.size(2)),
      width_(like.size(3)),
      channels_(like.size(1)),
      border_(border),
      stride_(stride),
      rows_((height_ + 2 * border + stride - 1) / stride * stride),
      length_((width_ + 2 * border + stride - 1) / stride * stride * channels_),
      values_(most * rows_ * length_) {}

void PaddedInput::copy(const float* images, int64_t count) {
  const int64_t values = width_ * channels_;
  for (int64_t n = 0; n < count; ++n) {
    for (int64_t y = 0; y < height_; ++y, images += values) {
      std::copy_n(images, values, values_.data() + at(n, y + border_) + border_ * channels_);
    }
  }
}

}  // namespace gm::ops::GM_KERNEL_SET
