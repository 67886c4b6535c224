// The larger image is never created. Two of its neighbouring pixels are copies of the same pixel of
// the smaller image. So the three taps w of an output pixel, in one dimension, touch only two
// pixels:
//
//   y[2i] = w0 x[i-1] + (w1 + w2) x[i],   y[2i+1] = (w0 + w1) x[i] + w2 x[i+1].
//
// That is the transpose of a convolution of stride 2 with the four taps w2, w1 + w2, w0 + w1, w0.
#include "nn/ops/upsample_convolution.h"

#include <ATen/ATen.h>

#include "nn/ops/operator.h"
#include "nn/ops/strided_convolution.h"

namespace gm::ops {

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// [16,9]: 1 if tap j of the nine is a part of tap i of the sixteen, else 0.
Tensor parts_of_taps() {
  const Tensor one_dimension =
      at::tensor({0.F, 0.F, 1.F, 0.F, 1.F, 1.F, 1.F, 1.F, 0.F, 1.F, 0.F, 0.F}).view({4, 3});
  return at::kron(one_dimension, one_dimension);
}

/// `weight` [out,C,3,3] as the weight [C,out,4,4] of the strided convolution.
Tensor four_taps(const Tensor& weight) {
  static const Tensor parts = parts_of_taps();
  const int64_t out = weight.size(0), in = weight.size(1);
  // If the weight is channels last, everything except the product is a view.
  const Tensor nine = weight.permute({0, 2, 3, 1}).reshape({out, 9, in});
  return at::matmul(parts.to(weight.options()), nine).view({out, 4, 4, in}).permute({3, 0, 1, 2});
}

/// The transposed strided convolution of `x` with `weight` [C,out,4,4].
class UpsampleConvolution : public KernelFunction<UpsampleConvolution> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight,
                        const Tensor& bias) {
    context->save_for_backward({x, weight});
    return transposed_strided_convolution(x, weight, bias, 2 * x.size(2), 2 * x.size(3));
  }

  static variable_list gradients(AutogradContext& context, const Tensor& dy) {
    const variable_list saved = context.get_saved_variables();
    const auto wants = [&](size_t input) { return context.needs_input_grad(input); };
    return {wants(0) ? strided_convolution(dy, saved[1], {}) : Tensor(),
            wants(1) ? strided_convolution_weight_gradient(dy, saved[0]) : Tensor(),
            wants(2) ? dy.sum(at::IntArrayRef{0, 2, 3}) : Tensor()};
  }
};

}  // namespace

Tensor upsample_convolution_plain(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Tensor large = at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
  return at::conv2d(large, weight, bias, /*stride=*/1, /*padding=*/1);
}

Tensor upsample_convolution(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (!has_strided_convolution_for(x, x.size(1))) {
    return upsample_convolution_plain(x, weight, bias);
  }
  check_convolution(x, weight, bias, /*size=*/3);
  return UpsampleConvolution::apply(x, four_taps(weight), bias);
}

}  // namespace gm::ops
