// 3x3 convolutions on the CPU.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <tuple>

#include "nn/ops/cpu/direct_convolution.h"
#include "nn/ops/cpu/nonfused_winograd.h"
#include "nn/ops/cpu/parallel.h"
#include "nn/ops/cpu/winograd.h"
#include "nn/ops/operator.h"
#include "nn/ops/pixels.h"

namespace gm::ops::GM_KERNEL_SET {

namespace {

using at::Tensor;

/// Rows of a weight for a thread, at least: a few microseconds' work.
constexpr int64_t kRowsPerTask = 4;

Images<const float> read(const Tensor& x, const OptionalTensor& skip = {}) {
  return {x.size(2),
          x.size(3),
          {{x.const_data_ptr<float>(), x.size(1)},
           {skip ? skip->const_data_ptr<float>() : nullptr, skip ? skip->size(1) : 0}}};
}

Images<float> write(const Tensor& y, const Tensor& skip = {}) {
  return {y.size(2),
          y.size(3),
          {{y.mutable_data_ptr<float>(), y.size(1)},
           {skip.defined() ? skip.mutable_data_ptr<float>() : nullptr,
            skip.defined() ? skip.size(1) : 0}}};
}

/// The kernels.
enum class Algorithm { direct, winograd, nonfused_winograd };

/// Floats of a transformed weight beyond which it is better transformed anew wherever it is used.
constexpr int64_t kMostKept = 512 * 1024;

/// Winograd's kernels are the faster ones from 8 channels on, by two to four times, where an image
/// has more pixels than a quarter of their tile of 4x4. Their error stays within ten times ATen's.
Algorithm way_for(const Tensor& weight, int64_t height, int64_t width) {
  if (height <= 2 && width <= 2) return Algorithm::direct;
  const int64_t kept = winograd::kElements * weight.size(0) * weight.size(1);
  return kept > kMostKept ? Algorithm::nonfused_winograd : Algorithm::winograd;
}

/// A form tells by its shape which kernel it is for: [9,in,out] or [36,in,out], or [3,3,in,out] for
/// the wide one.
Algorithm way_of(const Tensor& packed_weight) {
  if (packed_weight.dim() == 4) return Algorithm::nonfused_winograd;
  return packed_weight.size(0) == winograd::kElements ? Algorithm::winograd : Algorithm::direct;
}

/// [36,rows,columns], not dense, made of the matrices of taps [rows,columns].
Tensor winograd_form(const winograd::Taps<const float>& taps, int64_t rows, int64_t columns,
                     const Tensor& like) {
  Tensor packed_weight =
      at::empty_strided({winograd::kElements, rows, columns},
                        {winograd::element_stride(rows * columns), columns, 1}, like.options());
  at::parallel_for(0, rows, kRowsPerTask, [&](int64_t begin, int64_t end) {
    winograd::prepare(taps, rows, columns, begin, end, packed_weight.mutable_data_ptr<float>());
  });
  return packed_weight;
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
    case Algorithm::direct:
      return taps.view({direct::kTaps, in, out});
    case Algorithm::winograd:
      return winograd_form(taps_of(taps), in, out, weight);
    case Algorithm::nonfused_winograd:
      break;
  }
  return taps;
}

/// A row of scratch for each share of the images.
Tensor scratch_for(const Tensor& x, const Tensor& packed_weight) {
  const int64_t size = way_of(packed_weight) == Algorithm::winograd
                           ? winograd::scratch_size(packed_weight.size(1), packed_weight.size(2))
                           : direct::scratch_size(x.size(2), x.size(3),
                                                  packed_weight.size(1) + packed_weight.size(2));
  return at::empty({shares_of(x.size(0)), size},
                   x.options().memory_format(at::MemoryFormat::Contiguous));
}

Tensor convolution3x3_forward(const Tensor& x, const OptionalTensor& skip,
                              const Tensor& packed_weight, const Tensor& bias) {
  Tensor y = images_like(x, packed_weight.size(-1));
  const Tensor start = bias.contiguous();
  const Algorithm way = way_of(packed_weight);
  if (way == Algorithm::nonfused_winograd) {
    winograd::convolve_wide(read(x, skip), x.size(0), taps_of(packed_weight),
                            start.const_data_ptr<float>(), write(y));
    return y;
  }
  const Tensor scratch = scratch_for(x, packed_weight);
  const auto convolve = way == Algorithm::winograd ? winograd::convolve : direct::convolve;
  for_each_share(x.size(0), [&](int64_t share, int64_t begin, int64_t end) {
    convolve(read(x, skip).from(begin), end - begin, packed_weight.const_data_ptr<float>(),
             start.const_data_ptr<float>(), write(y).from(begin),
             scratch[share].mutable_data_ptr<float>());
  });
  return y;
}

/// What a backward pass makes.
struct Gradients {
  Gradients(const Tensor& x, const OptionalTensor& skip, const Tensor& weight)
      : dx(images_like(x, x.size(1))),
        dskip(skip ? images_like(x, skip->size(1)) : Tensor()),
        dweight(at::empty_like(weight, at::MemoryFormat::ChannelsLast)),
        dbias(at::empty({weight.size(0)}, weight.options())) {}

  /// The weight's as matrices [out,in].
  winograd::Taps<float> dtaps() const {
    const int64_t in = dweight.size(1);
    return {dweight.mutable_data_ptr<float>(), in, 9 * in};
  }

  Tensor dx, dskip, dweight, dbias;
};

void backward_wide(const Tensor& dy, const Tensor& x, const OptionalTensor& skip,
                   const Tensor& weight, const Gradients& gradients) {
  const int64_t images = x.size(0);
  winograd::convolve_wide(read(dy), images, backward_taps_of(weight), /*bias=*/nullptr,
                          write(gradients.dx, gradients.dskip));
  winograd::weight_gradient_wide(read(x, skip), read(dy), images, gradients.dtaps(),
                                 gradients.dbias.mutable_data_ptr<float>());
}

/// The form of the way back: [36,out,in] or [9,out,in]. Made anew for every pass, which takes 1 %
/// of it: kept, those of a network would take four times the memory of its weights.
Tensor backward_form_of(const Tensor& weight, Algorithm way) {
  const int64_t out = weight.size(0), in = weight.size(1);
  if (way == Algorithm::winograd) return winograd_form(backward_taps_of(weight), out, in, weight);
  return weight.flip({2, 3}).permute({2, 3, 0, 1}).contiguous().view({direct::kTaps, out, in});
}

/// Sums up the gradients of a weight's form, [shares,36,out,in] with the strides of a form or
/// [shares,9,out,in].
void fold_weight_gradient(const Tensor& dforms, Algorithm way, const Gradients& gradients) {
  const int64_t out = dforms.size(2), in = dforms.size(3);
  if (way == Algorithm::direct) {
    gradients.dweight.copy_(dforms.sum(0).view({3, 3, out, in}).permute({2, 3, 0, 1}));
    return;
  }
  at::parallel_for(0, out, kRowsPerTask, [&](int64_t begin, int64_t end) {
    winograd::fold_taps({dforms.const_data_ptr<float>() + begin * in, dforms.stride(1)},
                        dforms.size(0), end - begin, in, /*add=*/false,
                        gradients.dtaps().from(begin, 0));
  });
}

/// Each share of the images sums up its own gradient of the weight's form.
void backward_by_images(const Tensor& dy, const Tensor& x, const OptionalTensor& skip,
                        const Tensor& weight, Algorithm way, const Gradients& gradients) {
  const int64_t images = x.size(0), shares = shares_of(images);
  const int64_t out = weight.size(0), in = weight.size(1);
  const Tensor packed_weight = backward_form_of(weight, way);
  const bool by_winograd = way == Algorithm::winograd;
  const auto convolve = by_winograd ? winograd::convolve : direct::convolve;
  const auto differentiate = by_winograd ? winograd::weight_gradient : direct::weight_gradient;

  const int64_t elements = packed_weight.size(0), stride = packed_weight.stride(0);
  const Tensor dforms = at::empty_strided({shares, elements, out, in},
                                          {elements * stride, stride, in, 1}, x.options());
  const Tensor dbias =
      at::empty({shares, out}, x.options().memory_format(at::MemoryFormat::Contiguous));
  const Tensor scratch = scratch_for(x, packed_weight);
  for_each_share(images, [&](int64_t share, int64_t begin, int64_t end) {
    float* const work = scratch[share].mutable_data_ptr<float>();
    convolve(read(dy).from(begin), end - begin, packed_weight.const_data_ptr<float>(),
             /*bias=*/nullptr, write(gradients.dx, gradients.dskip).from(begin), work);
    differentiate(read(x, skip).from(begin), read(dy).from(begin), end - begin,
                  dforms[share].mutable_data_ptr<float>(), dbias[share].mutable_data_ptr<float>(),
                  work);
  });
  fold_weight_gradient(dforms, way, gradients);
  gradients.dbias.copy_(dbias.sum(0));
}

std::tuple<Tensor, Tensor, Tensor, Tensor> convolution3x3_backward(const Tensor& dy,
                                                                   const Tensor& x,
                                                                   const OptionalTensor& skip,
                                                                   const Tensor& weight) {
  const Gradients gradients(x, skip, weight);
  const Algorithm way = way_for(weight, x.size(2), x.size(3));
  if (way == Algorithm::nonfused_winograd) {
    backward_wide(dy, x, skip, weight, gradients);
  } else {
    backward_by_images(dy, x, skip, weight, way, gradients);
  }
  return {gradients.dx, gradients.dskip, gradients.dweight, gradients.dbias};
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
