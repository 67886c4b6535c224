// The convolution of a picture of few channels on the CPU: products of windows of pixels with the
// weight.
#include <ATen/ATen.h>
#include <torch/library.h>

#include "nn/ops/cpu/parallel.h"
#include "nn/ops/cpu/product.h"
#include "nn/ops/cpu/rows.h"
#include "nn/ops/cpu/windows.h"

namespace gm::ops::GM_KERNEL_SET {

namespace {

using at::Tensor;

Windows windows_of(const Tensor& x, int64_t size) {
  return {.size = size, .stride = 1, .padding = size / 2, .rows = x.size(2), .columns = x.size(3)};
}

Tensor input_convolution_forward(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const int64_t out = weight.size(0);
  Tensor y = at::empty({x.size(0), out, x.size(2), x.size(3)}, x.options(),
                       at::MemoryFormat::ChannelsLast);
  const Tensor factor = weight.permute({2, 3, 1, 0}).contiguous();  // [s,s,C,out]
  const Tensor start = bias.contiguous();
  const Windows windows = windows_of(x, weight.size(2));
  for_each_share(x.size(0), [&](int64_t, int64_t begin, int64_t end) {
    WindowBlock block(windows, x.size(1));
    const int64_t last = end * windows.per_picture();
    for (int64_t first = begin * windows.per_picture(); first < last; first += block.most()) {
      const int64_t count = block.fill(pictures_of(x), first, last);
      float* to = y.mutable_data_ptr<float>() + first * out;
      repeat_row(start.const_data_ptr<float>(), out, count, to);
      add_product(count, out, block.length(), {block.data(), block.stride()},
                  factor.const_data_ptr<float>(), out, to, out);
    }
  });
  return y;
}

Tensor input_convolution_weight_gradient(const Tensor& dy, const Tensor& x, int64_t size) {
  const int64_t out = dy.size(1);
  const Tensor dweight = at::zeros({shares_of(x.size(0)), size, size, x.size(1), out}, x.options());
  const Windows windows = windows_of(x, size);
  for_each_share(x.size(0), [&](int64_t share, int64_t begin, int64_t end) {
    WindowBlock block(windows, x.size(1));
    float* sum = dweight.mutable_data_ptr<float>() + share * dweight.stride(0);
    const int64_t last = end * windows.per_picture();
    for (int64_t first = begin * windows.per_picture(); first < last; first += block.most()) {
      const int64_t count = block.fill(pictures_of(x), first, last);
      add_product(block.length(), out, count, MatrixView{block.data(), block.stride()}.transposed(),
                  dy.const_data_ptr<float>() + first * out, out, sum, out);
    }
  });
  return dweight.sum(0).permute({3, 2, 0, 1});
}

}  // namespace

}  // namespace gm::ops::GM_KERNEL_SET

TORCH_LIBRARY_IMPL(gm, CPU, library) {
  using namespace gm::ops::GM_KERNEL_SET;
  if (!kernels_run_here()) return;
  library.impl("input_convolution_forward", &input_convolution_forward);
  library.impl("input_convolution_weight_gradient", &input_convolution_weight_gradient);
}
