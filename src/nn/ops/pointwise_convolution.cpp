#include "nn/ops/pointwise_convolution.h"

#include <torch/library.h>

#include "nn/ops/operator.h"

TORCH_LIBRARY_FRAGMENT(gm, library) {
  library.def("pointwise_convolution_takes(Tensor x, Tensor? skip) -> bool");
  library.def(
      "pointwise_convolution_forward(Tensor x, Tensor? skip, Tensor weight, Tensor bias) "
      "-> Tensor y");
  // `dskip` is undefined without `skip`.
  library.def(
      "pointwise_convolution_backward(Tensor dy, Tensor x, Tensor? skip, Tensor weight) "
      "-> (Tensor dx, Tensor dskip, Tensor dweight, Tensor dbias)");
}

namespace gm::ops {

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

const auto& pointwise_convolution_forward_operator() {
  static const Operator<Tensor(const Tensor&, const OptionalTensor&, const Tensor&, const Tensor&)>
      result("gm::pointwise_convolution_forward");
  return result;
}

const auto& pointwise_convolution_backward_operator() {
  static const Operator<std::tuple<Tensor, Tensor, Tensor, Tensor>(
      const Tensor&, const Tensor&, const OptionalTensor&, const Tensor&)>
      result("gm::pointwise_convolution_backward");
  return result;
}

const auto& pointwise_convolution_takes() {
  static const KernelQuery<const OptionalTensor&> result("gm::pointwise_convolution_takes");
  return result;
}

class PointwiseConvolution : public KernelFunction<PointwiseConvolution> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x, const OptionalTensor& skip,
                        const Tensor& weight, const Tensor& bias) {
    context->save_for_backward({x, skip.value_or(Tensor()), weight});
    return pointwise_convolution_forward_operator()(x, skip, weight, bias);
  }

  static variable_list gradients(AutogradContext& context, const Tensor& dy) {
    const variable_list saved = context.get_saved_variables();
    auto [dx, dskip, dweight, dbias] =
        pointwise_convolution_backward_operator()(dy, saved[0], if_defined(saved[1]), saved[2]);
    return {dx, dskip, dweight, dbias};
  }
};

}  // namespace

Tensor pointwise_convolution_plain(const Tensor& x, const Tensor& weight, const Tensor& bias,
                                   const Tensor& skip) {
  return at::conv2d(skip.defined() ? at::cat({x, skip}, 1) : x, weight, bias);
}

Tensor pointwise_convolution(const Tensor& x, const Tensor& weight, const Tensor& bias,
                             const Tensor& skip) {
  if (!pointwise_convolution_takes()(x, if_defined(skip))) {
    return pointwise_convolution_plain(x, weight, bias, skip);
  }
  check_convolution(x, weight, bias, /*size=*/1, skip);
  return PointwiseConvolution::apply(x, if_defined(channels_last(skip)), weight, bias);
}

}  // namespace gm::ops
