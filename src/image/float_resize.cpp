#include "image/float_resize.h"

#include <ATen/ATen.h>

namespace gm {
namespace {

/// Like Pillow, sums in float64 and stores float32.
at::Tensor resize_once(const at::Tensor& images, int64_t height, int64_t width) {
  return at::_upsample_bicubic2d_aa(images.to(at::kDouble), {height, width},
                                    /*align_corners=*/false)
      .to(at::kFloat);
}

}  // namespace

at::Tensor resize_bicubic(const at::Tensor& images, int64_t height, int64_t width) {
  // One axis after the other, because Pillow rounds to float32 in between.
  return resize_once(resize_once(images, images.size(2), width), height, width);
}

}  // namespace gm
