#include "nn/spectral_norm.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

namespace gm {

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The same number as in PyTorch.
constexpr int kFirstIterations = 15;
constexpr double kEpsilon = 1e-12;

Tensor matrix_of(const Tensor& weight) { return weight.detach().flatten(1); }

void set_to_direction(const Tensor& vector, const Tensor& of) {
  vector.copy_(of / of.norm().clamp_min(kEpsilon));
}

/// Backward reads its inputs from `saved_data`. Unlike saved variables, `saved_data` is kept after
/// the first backward pass: each micro-batch runs one.
class Normalize : public torch::autograd::Function<Normalize> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& weight, const Tensor& u,
                        const Tensor& v) {
    const Tensor value = u.dot(matrix_of(weight).mv(v));
    const Tensor normalized = weight / value;
    // Detached, because the result itself would keep its own node alive forever.
    context->saved_data["normalized"] = normalized.detach();
    context->saved_data["value"] = value;
    context->saved_data["direction"] = at::outer(u, v).view_as(weight);
    return normalized;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const Tensor& gradient = gradients[0];
    const Tensor along = (gradient * context->saved_data["normalized"].toTensor()).sum();
    return {(gradient - along * context->saved_data["direction"].toTensor()) /
                context->saved_data["value"].toTensor(),
            Tensor(), Tensor()};
  }
};

}  // namespace

SpectralNorm::SpectralNorm(const ParameterScope& scope, const Tensor& weight) {
  const int64_t rows = weight.size(0), columns = weight.numel() / rows;
  u_ = scope.buffer("weight_u", at::zeros({rows}, at::kFloat));
  v_ = scope.buffer("weight_v", at::full({columns}, 1.0 / std::sqrt(columns), at::kFloat));
  for (int i = 0; i < kFirstIterations; ++i) iterate(weight);
}

void SpectralNorm::iterate(const Tensor& weight) const {
  const at::NoGradGuard no_gradients;
  const Tensor matrix = matrix_of(weight);
  set_to_direction(u_, matrix.mv(v_));
  set_to_direction(v_, matrix.t().mv(u_));
}

Tensor SpectralNorm::normalized(const Tensor& weight) const {
  return Normalize::apply(weight, u_, v_);
}

}  // namespace gm
