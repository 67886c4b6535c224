#include "nn/ops/strided_convolution.h"

#include <torch/library.h>

#include "nn/ops/operator.h"

TORCH_LIBRARY_FRAGMENT(gm, library) {
  library.def("strided_convolution_takes(Tensor x, int small_channels) -> bool");
  library.def("strided_convolution(Tensor big, Tensor weight, Tensor? bias) -> Tensor small");
  library.def(
      "transposed_strided_convolution(Tensor small, Tensor weight, Tensor? bias, int height, int "
      "width) "
      "-> Tensor big");
  library.def("strided_convolution_weight_gradient(Tensor big, Tensor small) -> Tensor dweight");
}

namespace gm::ops {

namespace {

using at::Tensor;

const auto& strided_convolution_operator() {
  static const Operator<Tensor(const Tensor&, const Tensor&, const OptionalTensor&)> result(
      "gm::strided_convolution");
  return result;
}

const auto& transposed_convolution_operator() {
  static const Operator<Tensor(const Tensor&, const Tensor&, const OptionalTensor&, int64_t,
                               int64_t)>
      result("gm::transposed_strided_convolution");
  return result;
}

const auto& strided_convolution_gradient_operator() {
  static const Operator<Tensor(const Tensor&, const Tensor&)> result(
      "gm::strided_convolution_weight_gradient");
  return result;
}

}  // namespace

bool has_strided_convolution_for(const Tensor& x, int64_t small_channels) {
  static const KernelQuery<int64_t> takes("gm::strided_convolution_takes");
  return takes(x, small_channels);
}

Tensor strided_convolution(const Tensor& big, const Tensor& weight, const Tensor& bias) {
  return strided_convolution_operator()(big, weight, if_defined(bias));
}

Tensor transposed_strided_convolution(const Tensor& small, const Tensor& weight, const Tensor& bias,
                                      int64_t height, int64_t width) {
  return transposed_convolution_operator()(small, weight, if_defined(bias), height, width);
}

Tensor strided_convolution_weight_gradient(const Tensor& big, const Tensor& small) {
  return strided_convolution_gradient_operator()(big, small);
}

}  // namespace gm::ops
