#include "nn/ops/downsample_convolution.h"

#include <ATen/ATen.h>

#include "nn/ops/operator.h"
#include "nn/ops/strided_convolution.h"

namespace gm::ops {

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class DownsampleConvolution : public KernelFunction<DownsampleConvolution> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight,
                        const Tensor& bias) {
    context->save_for_backward({x, weight});
    return strided_convolution(x, weight, bias);
  }

  static variable_list gradients(AutogradContext& context, const Tensor& dy) {
    const variable_list saved = context.get_saved_variables();
    const Tensor& x = saved[0];
    // A frozen network needs only the gradient of its input. The first layer of a network needs
    // only those of its parameters.
    const auto wants = [&](size_t input) { return context.needs_input_grad(input); };
    return {wants(0) ? transposed_strided_convolution(dy, saved[1], {}, x.size(2), x.size(3))
                     : Tensor(),
            wants(1) ? strided_convolution_weight_gradient(x, dy) : Tensor(),
            wants(2) ? dy.sum(at::IntArrayRef{0, 2, 3}) : Tensor()};
  }
};

}  // namespace

Tensor downsample_convolution_plain(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return at::conv2d(x, weight, bias, /*stride=*/2, /*padding=*/1);
}

Tensor downsample_convolution(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const bool is_halved = x.size(2) >= 2 && x.size(3) >= 2;
  if (!is_halved || !has_strided_convolution_for(x, weight.size(0))) {
    return downsample_convolution_plain(x, weight, bias);
  }
  check_convolution(x, weight, bias, /*size=*/4);
  return DownsampleConvolution::apply(x, weight, bias);
}

}  // namespace gm::ops
