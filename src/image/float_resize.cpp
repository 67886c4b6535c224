#include "image/float_resize.h"

#include <ATen/ATen.h>

#include "image/resize_weights.h"

namespace gm {
namespace {

/// The weights as a matrix [from,to], so that a product resizes the last axis on any device.
at::Tensor resize_matrix(int64_t from, int64_t to) {
  const ResizeWeights axis(from, to, ResampleFilter::kBicubic);
  const at::Tensor matrix = at::zeros({from, to}, at::kDouble);
  auto entries = matrix.accessor<double, 2>();
  for (int64_t i = 0; i < to; ++i) {
    const auto output = static_cast<size_t>(i);
    for (int64_t k = 0; k < axis.count[output]; ++k) {
      entries[axis.first[output] + k][i] = axis.weights[static_cast<size_t>(i * axis.taps + k)];
    }
  }
  return matrix;
}

/// Like Pillow, sums in float64 and stores float32.
at::Tensor resize_last_axis(const at::Tensor& images, int64_t size) {
  if (images.size(-1) == size) return images;
  const at::Tensor matrix = resize_matrix(images.size(-1), size).to(images.device());
  return at::matmul(images.to(at::kDouble), matrix).to(at::kFloat);
}

}  // namespace

at::Tensor resize_bicubic(const at::Tensor& images, int64_t height, int64_t width) {
  const at::Tensor wide = resize_last_axis(images.to(at::kFloat), width);
  return resize_last_axis(wide.transpose(2, 3), height).transpose(2, 3);
}

}  // namespace gm
