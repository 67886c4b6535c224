// 3x3 convolutions on the CPU.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <tuple>

#include "nn/ops/cpu/direct_convolution.h"
#include "nn/ops/cpu/nonfused_winograd.h"
#include "nn/ops/cpu/parallel.h"
#include "nn/ops/cpu/takes.h"
#include "nn/ops/cpu/winograd.h"
#include "nn/ops/operator.h"
#include "nn/ops/pixels.h"

namespace gm::ops::GM_KERNEL_SET {

namespace {

using at::Tensor;

/// Minimum number of rows of a weight per thread: a few microseconds of work.
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

enum class Algorithm { direct, winograd, nonfused_winograd };

/// A transformed weight of more floats than this is not kept, but recomputed wherever it is used.
constexpr int64_t kMaxKept = 512 * 1024;

/// From 8 channels on, Winograd's kernels are two to four times faster than the direct one if an
/// image has more pixels than a quarter of their 4x4 tile. Their error is at most ten times ATen's.
Algorithm algorithm_for(const Tensor& weight, int64_t height, int64_t width) {
  if (height <= 2 && width <= 2) return Algorithm::direct;
  const int64_t kept = winograd::kElements * weight.size(0) * weight.size(1);
  return kept > kMaxKept ? Algorithm::nonfused_winograd : Algorithm::winograd;
}

/// The shape of a packed weight determines its kernel: [9,in,out] direct, [36,in,out] Winograd,
/// [3,3,in,out] non-fused Winograd.
Algorithm algorithm_of(const Tensor& packed_weight) {
  if (packed_weight.dim() == 4) return Algorithm::nonfused_winograd;
  return packed_weight.size(0) == winograd::kElements ? Algorithm::winograd : Algorithm::direct;
}

/// The transformed weight [36,rows,columns], not dense, for `taps` with matrices [rows,columns].
Tensor winograd_packed_weight(const winograd::Taps<const float>& taps, int64_t rows,
                              int64_t columns, const Tensor& like) {
  Tensor packed_weight =
      at::empty_strided({winograd::kElements, rows, columns},
                        {winograd::element_stride(rows * columns), columns, 1}, like.options());
  at::parallel_for(0, rows, kRowsPerTask, [&](int64_t begin, int64_t end) {
    winograd::prepare(taps, rows, columns, begin, end, packed_weight.mutable_data_ptr<float>());
  });
  return packed_weight;
}

/// Taps [3,3,in,out] for the forward pass.
winograd::Taps<const float> taps_of(const Tensor& taps) {
  return {taps.const_data_ptr<float>(), taps.stride(1), taps.stride(2)};
}

/// Matrices [out,in] of the taps of a weight [out,in,3,3], with the taps rotated by 180 degrees,
/// which is the reverse order: the gradient of the input needs them this algorithm.
winograd::Taps<const float> backward_taps_of(const Tensor& weight) {
  const int64_t in = weight.size(1);
  return {weight.const_data_ptr<float>() + 8 * in, -in, 9 * in};
}

Tensor packed_weight_of(const Tensor& weight, int64_t height, int64_t width) {
  const int64_t out = weight.size(0), in = weight.size(1);
  const Tensor taps = weight.permute({2, 3, 1, 0}).contiguous();
  switch (algorithm_for(weight, height, width)) {
    case Algorithm::direct:
      return taps.view({direct::kTaps, in, out});
    case Algorithm::winograd:
      return winograd_packed_weight(taps_of(taps), in, out, weight);
    case Algorithm::nonfused_winograd:
      break;
  }
  return taps;
}

/// A row of scratch memory for each share of the images.
Tensor scratch_for(const Tensor& x, const Tensor& packed_weight) {
  const int64_t size = algorithm_of(packed_weight) == Algorithm::winograd
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
  const Algorithm algorithm = algorithm_of(packed_weight);
  if (algorithm == Algorithm::nonfused_winograd) {
    winograd::convolve_nonfused(read(x, skip), x.size(0), taps_of(packed_weight),
                                start.const_data_ptr<float>(), write(y));
    return y;
  }
  const Tensor scratch = scratch_for(x, packed_weight);
  const auto convolve = algorithm == Algorithm::winograd ? winograd::convolve : direct::convolve;
  for_each_share(x.size(0), [&](int64_t share, int64_t begin, int64_t end) {
    convolve(read(x, skip).from(begin), end - begin, packed_weight.const_data_ptr<float>(),
             start.const_data_ptr<float>(), write(y).from(begin),
             scratch[share].mutable_data_ptr<float>());
  });
  return y;
}

/// The results of a backward pass.
struct Gradients {
  Gradients(const Tensor& x, const OptionalTensor& skip, const Tensor& weight)
      : dx(images_like(x, x.size(1))),
        dskip(skip ? images_like(x, skip->size(1)) : Tensor()),
        dweight(at::empty_like(weight, at::MemoryFormat::ChannelsLast)),
        dbias(at::empty({weight.size(0)}, weight.options())) {}

  /// The gradient of the weight as matrices [out,in].
  winograd::Taps<float> dtaps() const {
    const int64_t in = dweight.size(1);
    return {dweight.mutable_data_ptr<float>(), in, 9 * in};
  }

  Tensor dx, dskip, dweight, dbias;
};

void backward_nonfused(const Tensor& dy, const Tensor& x, const OptionalTensor& skip,
                       const Tensor& weight, const Gradients& gradients) {
  const int64_t images = x.size(0);
  winograd::convolve_nonfused(read(dy), images, backward_taps_of(weight), /*bias=*/nullptr,
                              write(gradients.dx, gradients.dskip));
  winograd::weight_gradient_nonfused(read(x, skip), read(dy), images, gradients.dtaps(),
                                     gradients.dbias.mutable_data_ptr<float>());
}

/// The packed weight of the backward pass: [36,out,in] or [9,out,in]. It is recomputed in every
/// pass, which takes 1 % of the pass. Keeping the packed weights of a network would take four times
/// the memory of its weights.
Tensor backward_packed_weight_of(const Tensor& weight, Algorithm algorithm) {
  const int64_t out = weight.size(0), in = weight.size(1);
  if (algorithm == Algorithm::winograd)
    return winograd_packed_weight(backward_taps_of(weight), out, in, weight);
  return weight.flip({2, 3}).permute({2, 3, 0, 1}).contiguous().view({direct::kTaps, out, in});
}

/// Sums the gradients of the packed weight over all shares and converts them to that of the weight.
/// `dpacked_weights` is [shares,36,out,in] with the strides of a packed weight, or
/// [shares,9,out,in].
void fold_weight_gradient(const Tensor& dpacked_weights, Algorithm algorithm,
                          const Gradients& gradients) {
  const int64_t out = dpacked_weights.size(2), in = dpacked_weights.size(3);
  if (algorithm == Algorithm::direct) {
    gradients.dweight.copy_(dpacked_weights.sum(0).view({3, 3, out, in}).permute({2, 3, 0, 1}));
    return;
  }
  at::parallel_for(0, out, kRowsPerTask, [&](int64_t begin, int64_t end) {
    winograd::fold_taps(
        {dpacked_weights.const_data_ptr<float>() + begin * in, dpacked_weights.stride(1)},
        dpacked_weights.size(0), end - begin, in, /*add=*/false, gradients.dtaps().from(begin, 0));
  });
}

/// Each share of the images sums its own gradient of the packed weight.
void backward_by_images(const Tensor& dy, const Tensor& x, const OptionalTensor& skip,
                        const Tensor& weight, Algorithm algorithm, const Gradients& gradients) {
  const int64_t images = x.size(0), shares = shares_of(images);
  const int64_t out = weight.size(0), in = weight.size(1);
  const Tensor packed_weight = backward_packed_weight_of(weight, algorithm);
  const bool by_winograd = algorithm == Algorithm::winograd;
  const auto convolve = by_winograd ? winograd::convolve : direct::convolve;
  const auto differentiate = by_winograd ? winograd::weight_gradient : direct::weight_gradient;

  const int64_t elements = packed_weight.size(0), stride = packed_weight.stride(0);
  const Tensor dpacked_weights = at::empty_strided({shares, elements, out, in},
                                                   {elements * stride, stride, in, 1}, x.options());
  const Tensor dbias =
      at::empty({shares, out}, x.options().memory_format(at::MemoryFormat::Contiguous));
  const Tensor scratch = scratch_for(x, packed_weight);
  for_each_share(images, [&](int64_t share, int64_t begin, int64_t end) {
    float* const work = scratch[share].mutable_data_ptr<float>();
    convolve(read(dy).from(begin), end - begin, packed_weight.const_data_ptr<float>(),
             /*bias=*/nullptr, write(gradients.dx, gradients.dskip).from(begin), work);
    differentiate(read(x, skip).from(begin), read(dy).from(begin), end - begin,
                  dpacked_weights[share].mutable_data_ptr<float>(),
                  dbias[share].mutable_data_ptr<float>(), work);
  });
  fold_weight_gradient(dpacked_weights, algorithm, gradients);
  gradients.dbias.copy_(dbias.sum(0));
}

std::tuple<Tensor, Tensor, Tensor, Tensor> convolution3x3_backward(const Tensor& dy,
                                                                   const Tensor& x,
                                                                   const OptionalTensor& skip,
                                                                   const Tensor& weight) {
  const Gradients gradients(x, skip, weight);
  const Algorithm algorithm = algorithm_for(weight, x.size(2), x.size(3));
  if (algorithm == Algorithm::nonfused_winograd) {
    backward_nonfused(dy, x, skip, weight, gradients);
  } else {
    backward_by_images(dy, x, skip, weight, algorithm, gradients);
  }
  return {gradients.dx, gradients.dskip, gradients.dweight, gradients.dbias};
}

}  // namespace

}  // namespace gm::ops::GM_KERNEL_SET

TORCH_LIBRARY_IMPL(gm, CPU, library) {
  using namespace gm::ops::GM_KERNEL_SET;
  if (!kernels_run_here()) return;
  library.impl("convolution3x3_takes_weight", [](const at::Tensor& weight) {
    return weight.size(0) % 8 == 0 && gm::ops::cpu::takes(weight);
  });
  library.impl("convolution3x3_takes", [](const at::Tensor& x) { return gm::ops::cpu::takes(x); });
  library.impl("convolution3x3_pack_weight", &packed_weight_of);
  library.impl("convolution3x3_forward", &convolution3x3_forward);
  library.impl("convolution3x3_backward", &convolution3x3_backward);
}
