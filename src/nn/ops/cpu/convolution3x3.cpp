// 3x3 convolutions on the CPU.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <tuple>

#include "nn/ops/cpu/direct_convolution.h"
#include "nn/ops/cpu/parallel.h"
#include "nn/ops/cpu/wide_winograd.h"
#include "nn/ops/cpu/winograd.h"
#include "nn/ops/operator.h"
#include "nn/ops/pixels.h"

namespace gm::ops::GM_KERNEL_SET {

namespace {

using at::Tensor;

/// Rows of a weight for a thread, at least: a few microseconds' work.
constexpr int64_t kRowsPerTask = 4;

Pictures<const float> read(const Tensor& x, const OptionalTensor& beside = {}) {
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

/// The kernels.
enum class Way { direct, winograd, wide_winograd };

/// Floats of a transformed weight beyond which it is better transformed anew wherever it is used.
constexpr int64_t kMostKept = 512 * 1024;

/// Winograd's kernels are the faster ones from 8 channels on, by two to four times, where a picture
/// has more pixels than a quarter of their tile of 4x4. Their error stays within ten times ATen's.
Way way_for(const Tensor& weight, int64_t height, int64_t width) {
  if (height <= 2 && width <= 2) return Way::direct;
  const int64_t kept = winograd::kElements * weight.size(0) * weight.size(1);
  return kept > kMostKept ? Way::wide_winograd : Way::winograd;
}

/// A form tells by its shape which kernel it is for: [9,in,out] or [36,in,out], or [3,3,in,out] for
/// the wide one.
Way way_of(const Tensor& form) {
  if (form.dim() == 4) return Way::wide_winograd;
  return form.size(0) == winograd::kElements ? Way::winograd : Way::direct;
}

/// [36,rows,columns], not dense, made of the matrices of taps [rows,columns].
Tensor winograd_form(const winograd::Taps<const float>& taps, int64_t rows, int64_t columns,
                     const Tensor& like) {
  Tensor form =
      at::empty_strided({winograd::kElements, rows, columns},
                        {winograd::element_stride(rows * columns), columns, 1}, like.options());
  at::parallel_for(0, rows, kRowsPerTask, [&](int64_t begin, int64_t end) {
    winograd::prepare(taps, rows, columns, begin, end, form.mutable_data_ptr<float>());
  });
  return form;
}

/// Taps [3,3,in,out] for the way forward.
winograd::Taps<const float> taps_of(const Tensor& taps) {
  return {taps.const_data_ptr<float>(), taps.stride(1), taps.stride(2)};
}

/// Matrices [out,in] of the taps of a weight [out,in,3,3], with the taps turned by half a turn, in
/// reverse order: the gradient goes the way of the values back.
winograd::Taps<const float> backward_taps_of(const Tensor& weight) {
  const int64_t in = weight.size(1);
  return {weight.const_data_ptr<float>() + 8 * in, -in, 9 * in};
}

Tensor form_of(const Tensor& weight, int64_t height, int64_t width) {
  const int64_t out = weight.size(0), in = weight.size(1);
  const Tensor taps = weight.permute({2, 3, 1, 0}).contiguous();
  switch (way_for(weight, height, width)) {
    case Way::direct:
      return taps.view({direct::kTaps, in, out});
    case Way::winograd:
      return winograd_form(taps_of(taps), in, out, weight);
    case Way::wide_winograd:
      break;
  }
  return taps;
}

/// A row of scratch for each share of the pictures.
Tensor scratch_for(const Tensor& x, const Tensor& form) {
  const int64_t size =
      way_of(form) == Way::winograd
          ? winograd::scratch_size(form.size(1), form.size(2))
          : direct::scratch_size(x.size(2), x.size(3), form.size(1) + form.size(2));
  return at::empty({shares_of(x.size(0)), size},
                   x.options().memory_format(at::MemoryFormat::Contiguous));
}

Tensor convolution3x3_forward(const Tensor& x, const OptionalTensor& beside, const Tensor& form,
                              const Tensor& bias) {
  Tensor y = pictures_like(x, form.size(-1));
  const Tensor start = bias.contiguous();
  const Way way = way_of(form);
  if (way == Way::wide_winograd) {
    winograd::convolve_wide(read(x, beside), x.size(0), taps_of(form),
                            start.const_data_ptr<float>(), write(y));
    return y;
  }
  const Tensor scratch = scratch_for(x, form);
  const auto convolve = way == Way::winograd ? winograd::convolve : direct::convolve;
  for_each_share(x.size(0), [&](int64_t share, int64_t begin, int64_t end) {
    convolve(read(x, beside).from(begin), end - begin, form.const_data_ptr<float>(),
             start.const_data_ptr<float>(), write(y).from(begin),
             scratch[share].mutable_data_ptr<float>());
  });
  return y;
}

/// What a backward pass makes.
struct Gradients {
  Gradients(const Tensor& x, const OptionalTensor& beside, const Tensor& weight)
      : dx(pictures_like(x, x.size(1))),
        dbeside(beside ? pictures_like(x, beside->size(1)) : Tensor()),
        dweight(at::empty_like(weight, at::MemoryFormat::ChannelsLast)),
        dbias(at::empty({weight.size(0)}, weight.options())) {}

  /// The weight's as matrices [out,in].
  winograd::Taps<float> dtaps() const {
    const int64_t in = dweight.size(1);
    return {dweight.mutable_data_ptr<float>(), in, 9 * in};
  }

  Tensor dx, dbeside, dweight, dbias;
};

void backward_wide(const Tensor& dy, const Tensor& x, const OptionalTensor& beside,
                   const Tensor& weight, const Gradients& gradients) {
  const int64_t pictures = x.size(0);
  winograd::convolve_wide(read(dy), pictures, backward_taps_of(weight), /*bias=*/nullptr,
                          write(gradients.dx, gradients.dbeside));
  winograd::weight_gradient_wide(read(x, beside), read(dy), pictures, gradients.dtaps(),
                                 gradients.dbias.mutable_data_ptr<float>());
}

/// The form of the way back: [36,out,in] or [9,out,in]. Made anew for every pass, which takes 1 %
/// of it: kept, those of a network would take four times the memory of its weights.
Tensor backward_form_of(const Tensor& weight, Way way) {
  const int64_t out = weight.size(0), in = weight.size(1);
  if (way == Way::winograd) return winograd_form(backward_taps_of(weight), out, in, weight);
  return weight.flip({2, 3}).permute({2, 3, 0, 1}).contiguous().view({direct::kTaps, out, in});
}

/// Sums up the gradients of a weight's form, [shares,36,out,in] with the strides of a form or
/// [shares,9,out,in].
void fold_weight_gradient(const Tensor& dforms, Way way, const Gradients& gradients) {
  const int64_t out = dforms.size(2), in = dforms.size(3);
  if (way == Way::direct) {
    gradients.dweight.copy_(dforms.sum(0).view({3, 3, out, in}).permute({2, 3, 0, 1}));
    return;
  }
  at::parallel_for(0, out, kRowsPerTask, [&](int64_t begin, int64_t end) {
    winograd::fold_taps({dforms.const_data_ptr<float>() + begin * in, dforms.stride(1)},
                        dforms.size(0), end - begin, in, /*add=*/false,
                        gradients.dtaps().from(begin, 0));
  });
}

/// Each share of the pictures sums up its own gradient of the weight's form.
void backward_by_pictures(const Tensor& dy, const Tensor& x, const OptionalTensor& beside,
                          const Tensor& weight, Way way, const Gradients& gradients) {
  const int64_t pictures = x.size(0), shares = shares_of(pictures);
  const int64_t out = weight.size(0), in = weight.size(1);
  const Tensor form = backward_form_of(weight, way);
  const bool by_winograd = way == Way::winograd;
  const auto convolve = by_winograd ? winograd::convolve : direct::convolve;
  const auto differentiate = by_winograd ? winograd::weight_gradient : direct::weight_gradient;

  const int64_t elements = form.size(0), stride = form.stride(0);
  const Tensor dforms = at::empty_strided({shares, elements, out, in},
                                          {elements * stride, stride, in, 1}, x.options());
  const Tensor dbias =
      at::empty({shares, out}, x.options().memory_format(at::MemoryFormat::Contiguous));
  const Tensor scratch = scratch_for(x, form);
  for_each_share(pictures, [&](int64_t share, int64_t begin, int64_t end) {
    float* const work = scratch[share].mutable_data_ptr<float>();
    convolve(read(dy).from(begin), end - begin, form.const_data_ptr<float>(),
             /*bias=*/nullptr, write(gradients.dx, gradients.dbeside).from(begin), work);
    differentiate(read(x, beside).from(begin), read(dy).from(begin), end - begin,
                  dforms[share].mutable_data_ptr<float>(), dbias[share].mutable_data_ptr<float>(),
                  work);
  });
  fold_weight_gradient(dforms, way, gradients);
  gradients.dbias.copy_(dbias.sum(0));
}

std::tuple<Tensor, Tensor, Tensor, Tensor> convolution3x3_backward(const Tensor& dy,
                                                                   const Tensor& x,
                                                                   const OptionalTensor& beside,
                                                                   const Tensor& weight) {
  const Gradients gradients(x, beside, weight);
  const Way way = way_for(weight, x.size(2), x.size(3));
  if (way == Way::wide_winograd) {
    backward_wide(dy, x, beside, weight, gradients);
  } else {
    backward_by_pictures(dy, x, beside, weight, way, gradients);
  }
  return {gradients.dx, gradients.dbeside, gradients.dweight, gradients.dbias};
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
