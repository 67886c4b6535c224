#include "nn/ops/standardize_weight.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace gm::ops {

namespace {

constexpr double kEpsilon = 1e-5;

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The node of the graph. What backward needs is kept in `saved_data`, which, other than saved
/// variables, stays after the first backward pass: each micro-batch makes one.
class StandardizeWeight : public torch::autograd::Function<StandardizeWeight> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& weight) {
    const at::Tensor rows = weight.flatten(1);
    const auto [variance, mean] = at::var_mean(rows, {1}, /*correction=*/0, /*keepdim=*/true);
    const at::Tensor inverse_deviation = (variance + kEpsilon).rsqrt();
    const at::Tensor standardized = (rows - mean) * inverse_deviation;
    context->saved_data["standardized"] = standardized;
    context->saved_data["inverse_deviation"] = inverse_deviation;
    return standardized.view_as(weight).contiguous(at::MemoryFormat::ChannelsLast);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor standardized = context->saved_data["standardized"].toTensor();
    const at::Tensor inverse_deviation = context->saved_data["inverse_deviation"].toTensor();
    const at::Tensor g = gradients[0].contiguous().flatten(1);
    const at::Tensor along = (g * standardized).mean({1}, /*keepdim=*/true);
    const at::Tensor result =
        (g - g.mean({1}, /*keepdim=*/true) - standardized * along) * inverse_deviation;
    return {result.view_as(gradients[0])};
  }
};

}  // namespace

at::Tensor standardize_weight_plain(const at::Tensor& weight) {
  const at::Tensor mean = weight.mean({1, 2, 3}, /*keepdim=*/true);
  const at::Tensor variance =
      weight.var(at::IntArrayRef{1, 2, 3}, /*unbiased=*/false, /*keepdim=*/true);
  return (weight - mean) * (variance + kEpsilon).rsqrt();
}

at::Tensor standardize_weight(const at::Tensor& weight) { return StandardizeWeight::apply(weight); }

}  // namespace gm::ops
