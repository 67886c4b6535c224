// The convolution of an image with few channels on the CPU. In an image with a border of zeros, the
// pixels of a row that a window covers are contiguous, and those of the next window begin one pixel
// later. So a row of results is the sum of one product for each row of the window.
#include <ATen/ATen.h>
#include <torch/library.h>

#include "nn/ops/cpu/gemm.h"
#include "nn/ops/cpu/padded_input.h"
#include "nn/ops/cpu/parallel.h"
#include "nn/ops/cpu/row_ops.h"
#include "nn/ops/cpu/takes.h"
#include "nn/ops/pixels.h"

namespace gm::ops::GM_KERNEL_SET {

namespace {

using at::Tensor;

/// Calls work(row, image, y) for the rows `y` of the images from `begin` to `end`. `row` is the
/// number of the row of results, counted through all images.
template <class Work>
void for_each_row(const Tensor& x, int64_t border, int64_t begin, int64_t end, const Work& work) {
  PaddedInput image(x, /*most=*/1, border);
  const int64_t height = x.size(2);
  for (int64_t n = begin; n < end; ++n) {
    image.copy(x.const_data_ptr<float>() + n * image.image_size(), 1);
    for (int64_t y = 0; y < height; ++y) work(n * height + y, image, y);
  }
}

Tensor input_convolution_forward(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const int64_t out = weight.size(0), channels = x.size(1), size = weight.size(2);
  const int64_t width = x.size(3), length = size * channels;
  Tensor y = images_like(x, out);
  const Tensor factor = weight.permute({2, 3, 1, 0}).contiguous();  // [s,s,C,out]
  const Tensor start = bias.contiguous();
  for_each_share(x.size(0), [&](int64_t, int64_t begin, int64_t end) {
    for_each_row(x, size / 2, begin, end, [&](int64_t row, const PaddedInput& image, int64_t top) {
      float* to = y.mutable_data_ptr<float>() + row * width * out;
      repeat_row(start.const_data_ptr<float>(), out, width, to);
      for (int64_t k = 0; k < size; ++k) {
        gemm_add(width, out, length, {image.row(0, top + k), channels},
                 factor.const_data_ptr<float>() + k * length * out, out, to, out);
      }
    });
  });
  return y;
}

Tensor input_convolution_weight_gradient(const Tensor& dy, const Tensor& x, int64_t size) {
  const int64_t out = dy.size(1), channels = x.size(1);
  const int64_t width = x.size(3), length = size * channels;
  const Tensor dweight = at::zeros({shares_of(x.size(0)), size, size, channels, out}, x.options());
  for_each_share(x.size(0), [&](int64_t share, int64_t begin, int64_t end) {
    float* sum = dweight.mutable_data_ptr<float>() + share * dweight.stride(0);
    for_each_row(x, size / 2, begin, end, [&](int64_t row, const PaddedInput& image, int64_t top) {
      const float* gradient = dy.const_data_ptr<float>() + row * width * out;
      for (int64_t k = 0; k < size; ++k) {
        const MatrixView seen = {image.row(0, top + k), channels};
        gemm_add(length, out, width, seen.transposed(), gradient, out, sum + k * length * out, out);
      }
    });
  });
  return dweight.sum(0).permute({3, 2, 0, 1});
}

}  // namespace

}  // namespace gm::ops::GM_KERNEL_SET

TORCH_LIBRARY_IMPL(gm, CPU, library) {
  using namespace gm::ops::GM_KERNEL_SET;
  if (!kernels_run_here()) return;
  library.impl("input_convolution_takes", [](const at::Tensor& x, const at::Tensor& weight) {
    const bool has_middle = weight.size(2) % 2 == 1 && weight.size(2) == weight.size(3);
    return gm::ops::cpu::takes(x, /*multiple=*/1) && weight.size(0) % 8 == 0 && has_middle;
  });
  library.impl("input_convolution_forward", &input_convolution_forward);
  library.impl("input_convolution_weight_gradient", &input_convolution_weight_gradient);
}
