#include "nn/ops/group_norm_silu.h"

#include <torch/library.h>

#include "nn/ops/operator.h"

// `statistics` [N,groups,2] holds the mean and the reciprocal standard deviation of each group.
TORCH_LIBRARY_FRAGMENT(gm, library) {
  library.def("group_norm_silu_takes(Tensor x) -> bool");
  library.def(
      "group_norm_silu_forward(Tensor x, Tensor weight, Tensor bias, int groups, "
      "Tensor? scale_shift, Tensor? residual) -> (Tensor y, Tensor statistics)");
  // The gradients of everything except `residual`, whose gradient is dy.
  library.def(
      "group_norm_silu_backward(Tensor dy, Tensor x, Tensor weight, Tensor bias, "
      "Tensor? scale_shift, Tensor statistics) "
      "-> (Tensor dx, Tensor dweight, Tensor dbias, Tensor dscale_shift)");
}

namespace gm::ops {

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

const auto& group_norm_silu_forward_operator() {
  static const Operator<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&,
                                                   int64_t, const OptionalTensor&,
                                                   const OptionalTensor&)>
      result("gm::group_norm_silu_forward");
  return result;
}

const auto& group_norm_silu_backward_operator() {
  static const Operator<std::tuple<Tensor, Tensor, Tensor, Tensor>(
      const Tensor&, const Tensor&, const Tensor&, const Tensor&, const OptionalTensor&,
      const Tensor&)>
      result("gm::group_norm_silu_backward");
  return result;
}

const auto& group_norm_silu_takes() {
  static const KernelQuery<> result("gm::group_norm_silu_takes");
  return result;
}

class GroupNormSilu : public KernelFunction<GroupNormSilu> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight,
                        const Tensor& bias, int64_t groups, const OptionalTensor& scale_shift,
                        const OptionalTensor& residual) {
    auto [y, statistics] =
        group_norm_silu_forward_operator()(x, weight, bias, groups, scale_shift, residual);
    context->save_for_backward({x, weight, bias, scale_shift.value_or(Tensor()), statistics});
    context->saved_data["has_residual"] = residual.has_value();
    return y;
  }

  static variable_list gradients(AutogradContext& context, const Tensor& dy) {
    const variable_list saved = context.get_saved_variables();
    const Tensor& scale_shift = saved[3];
    auto [dx, dweight, dbias, dscale_shift] = group_norm_silu_backward_operator()(
        dy, saved[0], saved[1], saved[2], if_defined(scale_shift), saved[4]);
    const bool has_residual = context.saved_data["has_residual"].toBool();
    return {dx,
            dweight,
            dbias,
            Tensor(),
            scale_shift.defined() ? dscale_shift : Tensor(),
            has_residual ? dy : Tensor()};
  }
};

void check_group_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t groups,
                      const Tensor& scale_shift, const Tensor& residual) {
  const int64_t channels = x.size(1);
  TORCH_CHECK(groups > 0 && channels % groups == 0, channels, " channels cannot be split into ",
              groups, " groups");
  TORCH_CHECK(
      (weight.sizes() == at::IntArrayRef{channels}) && (bias.sizes() == at::IntArrayRef{channels}),
      "a weight ", weight.sizes(), " and a bias ", bias.sizes(), " do not fit ", channels,
      " channels");
  TORCH_CHECK(
      !scale_shift.defined() || (scale_shift.sizes() == at::IntArrayRef{x.size(0), 2 * channels}),
      "scale and shift ", scale_shift.sizes(), " do not fit images ", x.sizes());
  check_residual(x, residual);
}

}  // namespace

Tensor group_norm_silu_plain(const Tensor& x, const Tensor& weight, const Tensor& bias,
                             int64_t groups, const Tensor& scale_shift, const Tensor& residual) {
  Tensor y = at::group_norm(x, groups, weight, bias, 1e-5);
  if (scale_shift.defined()) {
    const auto parts = scale_shift.view({x.size(0), -1, 1, 1}).chunk(2, 1);
    y = y * (parts[0] + 1) + parts[1];
  }
  y = at::silu(y);
  return residual.defined() ? y + residual : y;
}

Tensor group_norm_silu(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t groups,
                       const Tensor& scale_shift, const Tensor& residual) {
  if (!group_norm_silu_takes()(x)) {
    return group_norm_silu_plain(x, weight, bias, groups, scale_shift, residual);
  }
  check_group_norm(x, weight, bias, groups, scale_shift, residual);
  return GroupNormSilu::apply(x, weight, bias, groups, if_defined(scale_shift),
                              if_defined(channels_last(residual)));
}

}  // namespace gm::ops
