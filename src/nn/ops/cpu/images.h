/// Images as the convolution kernels read and write them.
#pragma once

#include <cstdint>

#include "nn/ops/cpu/simd.h"

namespace gm::ops::GM_KERNEL_SET {

/// Channels of dense images, [N,H,W,channels].
template <class Float>
struct ChannelPart {
  Float* data;
  int64_t channels;
};

/// Images [N,H,W,C] whose channels are split over two tensors. The second may have no channels.
template <class Float>
struct Images {
  int64_t height;
  int64_t width;
  ChannelPart<Float> parts[2];

  int64_t channels() const { return parts[0].channels + parts[1].channels; }

  /// The same, starting at image `n`.
  Images from(int64_t n) const {
    Images result = *this;
    for (auto& part : result.parts) part.data += n * height * width * part.channels;
    return result;
  }
};

}  // namespace gm::ops::GM_KERNEL_SET
