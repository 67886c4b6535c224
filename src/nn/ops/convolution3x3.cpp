#include "nn/ops/convolution3x3.h"

#include <torch/library.h>

#include "nn/ops/operator.h"

// `packed_weight` is the weight in a layout that the device's kernels choose.
TORCH_LIBRARY_FRAGMENT(gm, library) {
  library.def("convolution3x3_takes_weight(Tensor weight) -> bool");
  library.def("convolution3x3_takes(Tensor x) -> bool");
  library.def(
      "convolution3x3_pack_weight(Tensor weight, int height, int width) -> Tensor packed_weight");
  library.def(
      "convolution3x3_forward(Tensor x, Tensor? skip, Tensor packed_weight, Tensor bias) -> Tensor "
      "y");
  // `dskip` is undefined without `skip`.
  library.def(
      "convolution3x3_backward(Tensor dy, Tensor x, Tensor? skip, Tensor weight) "
      "-> (Tensor dx, Tensor dskip, Tensor dweight, Tensor dbias)");
}

namespace gm::ops {

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

const auto& pack_weight_operator() {
  static const Operator<Tensor(const Tensor&, int64_t, int64_t)> result(
      "gm::convolution3x3_pack_weight");
  return result;
}

const auto& convolution3x3_forward_operator() {
  static const Operator<Tensor(const Tensor&, const OptionalTensor&, const Tensor&, const Tensor&)>
      result("gm::convolution3x3_forward");
  return result;
}

const auto& convolution3x3_backward_operator() {
  static const Operator<std::tuple<Tensor, Tensor, Tensor, Tensor>(
      const Tensor&, const Tensor&, const OptionalTensor&, const Tensor&)>
      result("gm::convolution3x3_backward");
  return result;
}

const auto& convolution3x3_takes_weight() {
  static const KernelQuery<> result("gm::convolution3x3_takes_weight");
  return result;
}

const auto& convolution3x3_takes() {
  static const KernelQuery<> result("gm::convolution3x3_takes");
  return result;
}

/// `packed_weight` is derived from `weight`, so only `weight` has a gradient.
class Convolution3x3 : public KernelFunction<Convolution3x3> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x, const OptionalTensor& skip,
                        const Tensor& weight, const Tensor& bias, const Tensor& packed_weight) {
    context->save_for_backward({x, skip.value_or(Tensor()), weight});
    return convolution3x3_forward_operator()(x, skip, packed_weight, bias);
  }

  static variable_list gradients(AutogradContext& context, const Tensor& dy) {
    const variable_list saved = context.get_saved_variables();
    auto [dx, dskip, dweight, dbias] =
        convolution3x3_backward_operator()(dy, saved[0], if_defined(saved[1]), saved[2]);
    return {dx, dskip, dweight, dbias, Tensor()};
  }
};

}  // namespace

Convolution3x3Weight prepare_convolution3x3(const Tensor& weight, int64_t height, int64_t width) {
  TORCH_CHECK(weight.dim() == 4 && weight.size(2) == 3 && weight.size(3) == 3, "a weight ",
              weight.sizes(), " is not that of a 3x3 convolution");
  Convolution3x3Weight result = {channels_last(weight), {}};
  if (convolution3x3_takes_weight()(result.weight)) {
    result.packed_weight = pack_weight_operator()(result.weight, height, width);
  }
  return result;
}

Tensor convolution3x3_plain(const Tensor& x, const Tensor& weight, const Tensor& bias,
                            const Tensor& skip) {
  return at::conv2d(skip.defined() ? at::cat({x, skip}, 1) : x, weight, bias,
                    /*stride=*/1, /*padding=*/1);
}

Tensor convolution3x3(const Tensor& x, const Convolution3x3Weight& weight, const Tensor& bias,
                      const Tensor& skip) {
  if (!weight.packed_weight.defined() || !convolution3x3_takes()(x)) {
    return convolution3x3_plain(x, weight.weight, bias, skip);
  }
  check_convolution(x, weight.weight, bias, /*size=*/3, skip);
  return Convolution3x3::apply(x, if_defined(channels_last(skip)), weight.weight, bias,
                               weight.packed_weight);
}

}  // namespace gm::ops
