#include "nn/ops/channel_layer_norm.h"

#include <torch/library.h>

#include "nn/ops/operator.h"

TORCH_LIBRARY_FRAGMENT(gm, library) {
  library.def("channel_layer_norm_takes(Tensor x) -> bool");
  library.def("channel_layer_norm_forward(Tensor x, Tensor gain, Tensor? residual) -> Tensor y");
  // The gradients of everything except `residual`, whose gradient is dy.
  library.def(
      "channel_layer_norm_backward(Tensor dy, Tensor x, Tensor gain) -> (Tensor dx, Tensor dgain)");
}

namespace gm::ops {

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

const auto& channel_layer_norm_forward_operator() {
  static const Operator<Tensor(const Tensor&, const Tensor&, const OptionalTensor&)> result(
      "gm::channel_layer_norm_forward");
  return result;
}

const auto& channel_layer_norm_backward_operator() {
  static const Operator<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&)>
      result("gm::channel_layer_norm_backward");
  return result;
}

const auto& channel_layer_norm_takes() {
  static const KernelQuery<> result("gm::channel_layer_norm_takes");
  return result;
}

class ChannelLayerNorm : public KernelFunction<ChannelLayerNorm> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& gain,
                        const OptionalTensor& residual) {
    context->save_for_backward({x, gain});
    context->saved_data["has_residual"] = residual.has_value();
    return channel_layer_norm_forward_operator()(x, gain, residual);
  }

  static variable_list gradients(AutogradContext& context, const Tensor& dy) {
    const variable_list saved = context.get_saved_variables();
    auto [dx, dgain] = channel_layer_norm_backward_operator()(dy, saved[0], saved[1]);
    const bool has_residual = context.saved_data["has_residual"].toBool();
    return {dx, dgain, has_residual ? dy : Tensor()};
  }
};

}  // namespace

Tensor channel_layer_norm_plain(const Tensor& x, const Tensor& gain, const Tensor& residual) {
  const Tensor mean = x.mean({1}, /*keepdim=*/true);
  const Tensor variance = x.var(at::IntArrayRef{1}, /*unbiased=*/false, /*keepdim=*/true);
  const Tensor y = (x - mean) * (variance + 1e-5).rsqrt() * gain;
  return residual.defined() ? y + residual : y;
}

Tensor channel_layer_norm(const Tensor& x, const Tensor& gain, const Tensor& residual) {
  if (!channel_layer_norm_takes()(x)) return channel_layer_norm_plain(x, gain, residual);
  TORCH_CHECK((gain.sizes() == at::IntArrayRef{1, x.size(1), 1, 1}), "a gain ", gain.sizes(),
              " does not fit ", x.size(1), " channels");
  check_residual(x, residual);
  return ChannelLayerNorm::apply(x, gain, if_defined(channels_last(residual)));
}

}  // namespace gm::ops
