#include "nn/ops/standardize_weight.h"

#include <ATen/ATen.h>
#include <torch/library.h>

#include "nn/ops/operator.h"

// `standardized` is channels last, `inverse_deviation` is [out].
TORCH_LIBRARY_FRAGMENT(gm, library) {
  library.def(
      "standardize_weight_forward(Tensor weight) "
      "-> (Tensor standardized, Tensor inverse_deviation)");
  library.def(
      "standardize_weight_backward(Tensor dstandardized, Tensor standardized, "
      "Tensor inverse_deviation) -> Tensor dweight");
}

namespace gm::ops {

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr double kStandardizeEpsilon = 1e-5;

const auto& standardize_weight_forward_operator() {
  static const Operator<std::tuple<Tensor, Tensor>(const Tensor&)> result(
      "gm::standardize_weight_forward");
  return result;
}

const auto& standardize_weight_backward_operator() {
  static const Operator<Tensor(const Tensor&, const Tensor&, const Tensor&)> result(
      "gm::standardize_weight_backward");
  return result;
}

/// Backward reads its inputs from `saved_data`. Unlike saved variables, `saved_data` is kept after
/// the first backward pass: each micro-batch runs one.
class StandardizeWeight : public KernelFunction<StandardizeWeight> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& weight) {
    auto [standardized, inverse_deviation] =
        standardize_weight_forward_operator()(weight.contiguous());
    // Detached, because the result itself would keep its own node alive forever.
    context->saved_data["standardized"] = standardized.detach();
    context->saved_data["inverse_deviation"] = inverse_deviation;
    return standardized;
  }

  static variable_list gradients(AutogradContext& context, const Tensor& dy) {
    return {
        standardize_weight_backward_operator()(dy, context.saved_data["standardized"].toTensor(),
                                               context.saved_data["inverse_deviation"].toTensor())};
  }
};

/// The implementation with ATen operators, for every device without kernels.
std::tuple<Tensor, Tensor> forward_plain(const Tensor& weight) {
  const auto [variance, mean] = at::var_mean(weight, {1, 2, 3}, /*correction=*/0, /*keepdim=*/true);
  const Tensor inverse_deviation = (variance + kStandardizeEpsilon).rsqrt();
  return {channels_last((weight - mean) * inverse_deviation), inverse_deviation.flatten()};
}

Tensor backward_plain(const Tensor& dstandardized, const Tensor& standardized,
                      const Tensor& inverse_deviation) {
  const Tensor mean = dstandardized.mean({1, 2, 3}, /*keepdim=*/true);
  const Tensor along = (dstandardized * standardized).mean({1, 2, 3}, /*keepdim=*/true);
  return (dstandardized - mean - standardized * along) * inverse_deviation.view({-1, 1, 1, 1});
}

}  // namespace

Tensor standardize_weight_plain(const Tensor& weight) {
  const Tensor mean = weight.mean({1, 2, 3}, /*keepdim=*/true);
  const Tensor variance =
      weight.var(at::IntArrayRef{1, 2, 3}, /*unbiased=*/false, /*keepdim=*/true);
  return (weight - mean) * (variance + kStandardizeEpsilon).rsqrt();
}

Tensor standardize_weight(const Tensor& weight) {
  if (weight.scalar_type() != at::kFloat) return standardize_weight_plain(weight);
  return StandardizeWeight::apply(weight);
}

}  // namespace gm::ops

TORCH_LIBRARY_IMPL(gm, CompositeExplicitAutograd, library) {
  library.impl("standardize_weight_forward", &gm::ops::forward_plain);
  library.impl("standardize_weight_backward", &gm::ops::backward_plain);
}
