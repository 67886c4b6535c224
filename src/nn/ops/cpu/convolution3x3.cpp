// 3x3 convolutions on the CPU.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <optional>
#include <tuple>

#include "nn/ops/cpu/direct_convolution.h"
#include "nn/ops/cpu/parallel.h"
#include "nn/ops/cpu/simd.h"
#include "nn/ops/cpu/winograd.h"

namespace gm::ops::GM_KERNEL_SET {

namespace {

using at::Tensor;

/// Rows of a weight for a thread, at least: a few microseconds' work.
constexpr int64_t kGrain = 4;

Pictures<const float> read(const Tensor& x, const std::optional<Tensor>& beside = {}) {
  return {x.size(2),
          x.size(3),
          {{x.const_data_ptr<float>(), x.size(1)},
           {beside ? beside->const_data_ptr<float>() : nullptr, beside ? beside->size(1) : 0}}};
}

Pictures<float> write(const Tensor& y, const Tensor& beside = {}) {
  return {y.size(2),
          y.size(3),
          {{y.mutable_data_ptr<float>(), y.size(1)},
           {beside.defined() ? beside.mutable_data_ptr<float>() : nullptr,
            beside.defined() ? beside.size(1) : 0}}};
}

/// Winograd's kernel is the faster one from 8 channels on, by two to four times; but its tiles of
/// 4x4 pixels must not be mostly empty. Its error stays within ten times ATen's.
bool winograd_suits(int64_t height, int64_t width) { return height > 2 || width > 2; }

/// A form tells by its first size which kernel it is for.
bool is_for_winograd(const Tensor& form) { return form.size(0) == winograd::kElements; }

/// [36,rows,columns], not dense.
Tensor winograd_form(int64_t rows, int64_t columns, const Tensor& like) {
  return at::empty_strided({winograd::kElements, rows, columns},
                           {winograd::element_stride(rows * columns), columns, 1}, like.options());
}

/// [36,in,out] or [9,in,out] of a weight [out,in,3,3].
Tensor form_of(const Tensor& weight, int64_t height, int64_t width) {
  const int64_t out = weight.size(0), in = weight.size(1);
  const Tensor taps = weight.permute({2, 3, 1, 0}).contiguous().view({direct::kTaps, in, out});
  if (!winograd_suits(height, width)) return taps;
  Tensor form = winograd_form(in, out, weight);
  at::parallel_for(0, in, kGrain, [&](int64_t begin, int64_t end) {
    winograd::transform_weight(taps.const_data_ptr<float>(), in, out, begin, end,
                               form.mutable_data_ptr<float>());
  });
  return form;
}

/// [36,out,in] or [9,out,in] of a weight [out,in,3,3], with the taps turned by half a turn: the
/// gradient goes the way of the values back.
Tensor backward_form_of(const Tensor& weight, int64_t height, int64_t width) {
  const int64_t out = weight.size(0), in = weight.size(1);
  if (!winograd_suits(height, width)) {
    return weight.flip({2, 3}).permute({2, 3, 0, 1}).contiguous().view({direct::kTaps, out, in});
  }
  Tensor form = winograd_form(out, in, weight);
  at::parallel_for(0, out, kGrain, [&](int64_t begin, int64_t end) {
    winograd::transform_weight_backward(weight.const_data_ptr<float>(), in, out, begin, end,
                                        form.mutable_data_ptr<float>());
  });
  return form;
}

/// The gradient of a weight [out,in,3,3] from those of its form, [shares,36,out,in] with the
/// strides of a form or [shares,9,out,in].
Tensor weight_gradient(const Tensor& dforms, bool by_winograd) {
  const int64_t out = dforms.size(2), in = dforms.size(3);
  Tensor dweight =
      at::empty({out, in, 3, 3}, dforms.options().memory_format(at::MemoryFormat::ChannelsLast));
  if (!by_winograd) {
    return dweight.copy_(dforms.sum(0).view({3, 3, out, in}).permute({2, 3, 0, 1}));
  }
  at::parallel_for(0, out, kGrain, [&](int64_t begin, int64_t end) {
    winograd::fold_weight_gradient(dforms.const_data_ptr<float>(), dforms.size(0), in, out, begin,
                                   end, dweight.mutable_data_ptr<float>());
  });
  return dweight;
}

/// A row of scratch for each share of the pictures.
Tensor scratch_for(const Tensor& x, const Tensor& form) {
  const int64_t size = is_for_winograd(form) ? winograd::scratch_size(form.size(1), form.size(2))
                                             : direct::scratch_size(x.size(2), x.size(3),
                                                                    form.size(1) + form.size(2));
  return at::empty({shares_of(x.size(0)), size},
                   x.options().memory_format(at::MemoryFormat::Contiguous));
}

/// Pictures like `x` of so many channels.
Tensor pictures_like(const Tensor& x, int64_t channels) {
  return at::empty({x.size(0), channels, x.size(2), x.size(3)},
                   x.options().memory_format(at::MemoryFormat::ChannelsLast));
}

Tensor convolution3x3_forward(const Tensor& x, const std::optional<Tensor>& beside,
                              const Tensor& form, const Tensor& bias) {
  Tensor y = pictures_like(x, form.size(2));
  const Tensor start = bias.contiguous();
  const Tensor scratch = scratch_for(x, form);
  const auto convolve = is_for_winograd(form) ? winograd::convolve : direct::convolve;
  for_each_share(x.size(0), [&](int64_t share, int64_t begin, int64_t end) {
    convolve(read(x, beside).from(begin), end - begin, form.const_data_ptr<float>(),
             start.const_data_ptr<float>(), write(y).from(begin),
             scratch[share].mutable_data_ptr<float>());
  });
  return y;
}

std::tuple<Tensor, Tensor, Tensor, Tensor> convolution3x3_backward(
    const Tensor& dy, const Tensor& x, const std::optional<Tensor>& beside, const Tensor& weight) {
  const int64_t pictures = x.size(0), shares = shares_of(pictures);
  const int64_t out = weight.size(0), in = weight.size(1);
  // Made anew for every pass, which takes 1 % of it: kept, those of a network would take four times
  // the memory of its weights.
  const Tensor backward_form = backward_form_of(weight, x.size(2), x.size(3));
  const bool by_winograd = is_for_winograd(backward_form);
  const auto convolve = by_winograd ? winograd::convolve : direct::convolve;
  const auto differentiate = by_winograd ? winograd::weight_gradient : direct::weight_gradient;

  Tensor dx = pictures_like(x, x.size(1));
  Tensor dbeside = beside ? pictures_like(*beside, beside->size(1)) : Tensor();
  const auto plain = x.options().memory_format(at::MemoryFormat::Contiguous);
  const int64_t elements = backward_form.size(0), stride = backward_form.stride(0);
  const Tensor dforms = at::empty_strided({shares, elements, out, in},
                                          {elements * stride, stride, in, 1}, x.options());
  const Tensor dbias = at::empty({shares, out}, plain);
  const Tensor scratch = scratch_for(x, backward_form);
  for_each_share(pictures, [&](int64_t share, int64_t begin, int64_t end) {
    float* const work = scratch[share].mutable_data_ptr<float>();
    convolve(read(dy).from(begin), end - begin, backward_form.const_data_ptr<float>(),
             /*bias=*/nullptr, write(dx, dbeside).from(begin), work);
    differentiate(read(x, beside).from(begin), read(dy).from(begin), end - begin,
                  dforms[share].mutable_data_ptr<float>(), dbias[share].mutable_data_ptr<float>(),
                  work);
  });
  return {dx, dbeside, weight_gradient(dforms, by_winograd), dbias.sum(0)};
}

}  // namespace

}  // namespace gm::ops::GM_KERNEL_SET

TORCH_LIBRARY_IMPL(gm, CPU, library) {
  using namespace gm::ops::GM_KERNEL_SET;
  if (!kernels_run_here()) return;
  library.impl("convolution3x3_form", &form_of);
  library.impl("convolution3x3_forward", &convolution3x3_forward);
  library.impl("convolution3x3_backward", &convolution3x3_backward);
}
