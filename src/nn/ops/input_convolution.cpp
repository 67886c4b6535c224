#include "nn/ops/input_convolution.h"

#include <torch/library.h>

#include "nn/ops/operator.h"

TORCH_LIBRARY_FRAGMENT(gm, library) {
  library.def("input_convolution_takes(Tensor x, Tensor weight) -> bool");
  library.def("input_convolution_forward(Tensor x, Tensor weight, Tensor bias) -> Tensor y");
  library.def("input_convolution_weight_gradient(Tensor dy, Tensor x, int size) -> Tensor dweight");
}

namespace gm::ops {

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

const auto& input_convolution_forward_operator() {
  static const Operator<Tensor(const Tensor&, const Tensor&, const Tensor&)> result(
      "gm::input_convolution_forward");
  return result;
}

const auto& input_convolution_gradient_operator() {
  static const Operator<Tensor(const Tensor&, const Tensor&, int64_t)> result(
      "gm::input_convolution_weight_gradient");
  return result;
}

const auto& input_convolution_takes() {
  static const KernelQuery<const Tensor&> result("gm::input_convolution_takes");
  return result;
}

/// ATen's gradient of the input, for the rare case that it is needed.
Tensor input_gradient(const Tensor& dy, const Tensor& x, const Tensor& weight) {
  const int64_t padding = weight.size(2) / 2;
  return std::get<0>(at::convolution_backward(
      dy, x, weight, /*bias_sizes=*/at::nullopt, /*stride=*/{1, 1}, {padding, padding},
      /*dilation=*/{1, 1}, /*transposed=*/false, /*output_padding=*/{0, 0}, /*groups=*/1,
      /*output_mask=*/{true, false, false}));
}

class InputConvolution : public KernelFunction<InputConvolution> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight,
                        const Tensor& bias) {
    context->save_for_backward({x, weight});
    return input_convolution_forward_operator()(x, weight, bias);
  }

  static variable_list gradients(AutogradContext& context, const Tensor& dy) {
    const variable_list saved = context.get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1];
    return {context.needs_input_grad(0) ? input_gradient(dy, x, weight) : Tensor(),
            input_convolution_gradient_operator()(dy, x, weight.size(2)),
            dy.sum(at::IntArrayRef{0, 2, 3})};
  }
};

}  // namespace

Tensor input_convolution_plain(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return at::conv2d(x, weight, bias, /*stride=*/1,
                    at::IntArrayRef{weight.size(2) / 2, weight.size(3) / 2});
}

Tensor input_convolution(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (!input_convolution_takes()(x, weight)) return input_convolution_plain(x, weight, bias);
  check_convolution(x, weight, bias, weight.size(2));
  return InputConvolution::apply(x, weight, bias);
}

}  // namespace gm::ops
