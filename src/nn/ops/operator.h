/// What the operators of networks have in common. They are called through PyTorch's dispatcher
/// (device/operator.h). Public functions throw c10::Error if the shapes of their arguments do not
/// fit together, and in the backward pass if second derivatives are requested.
#pragma once

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <optional>

#include "device/operator.h"

namespace gm::ops {

/// Asks a device's kernels whether they take the activations `x` and other arguments: the operator
/// "gm::NAME_takes", which they implement beside the operator itself. A device may take other
/// types, layouts or numbers of channels than another. False if it has no kernels.
template <class... Arguments>
class KernelQuery {
 public:
  explicit KernelQuery(const char* name) : takes_(name) {}

  bool operator()(const at::Tensor& x, Arguments... arguments) const {
    return takes_.has_kernel_for(x.device()) && takes_(x, arguments...);
  }

 private:
  Operator<bool(const at::Tensor&, Arguments...)> takes_;
};

/// `x` in the layout that kernels need. Undefined stays undefined.
inline at::Tensor channels_last(const at::Tensor& x) {
  return x.defined() ? x.contiguous(at::MemoryFormat::ChannelsLast) : x;
}

/// Throws c10::Error unless the images `x` [N,C,H,W], or `x` and `skip` [N,D,H,W], can be convolved
/// with `weight` [out,C+D,size,size] and `bias` [out]. Kernels do not check shapes.
inline void check_convolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                              int64_t size, const at::Tensor& skip = {}) {
  const int64_t skip_channels = skip.defined() ? skip.size(1) : 0;
  TORCH_CHECK(!skip.defined() ||
                  (skip.sizes() == at::IntArrayRef{x.size(0), skip_channels, x.size(2), x.size(3)}),
              "skip images ", skip.sizes(), " cannot be concatenated with images ", x.sizes());
  const int64_t out = weight.size(0), in = x.size(1) + skip_channels;
  TORCH_CHECK((weight.sizes() == at::IntArrayRef{out, in, size, size}) &&
                  (bias.sizes() == at::IntArrayRef{out}),
              "a weight ", weight.sizes(), " and a bias ", bias.sizes(), " cannot convolve ", in,
              " channels with a window of ", size);
}

/// Throws c10::Error unless `residual` is undefined or has the shape of `x`.
inline void check_residual(const at::Tensor& x, const at::Tensor& residual) {
  TORCH_CHECK(!residual.defined() || residual.sizes() == x.sizes(), "a residual ",
              residual.defined() ? residual.sizes() : x.sizes(), " does not fit images ",
              x.sizes());
}

/// An optional argument, in the type that the dispatcher and autograd nodes use.
using OptionalTensor = std::optional<at::Tensor>;

inline OptionalTensor if_defined(const at::Tensor& x) {
  return x.defined() ? OptionalTensor(x) : std::nullopt;
}

/// The autograd node of an operator. A derived class has `forward(context, ...)`, which runs the
/// forward kernel, and `gradients(context, dy)`: the gradients of all arguments, for dy in the
/// layout that kernels need.
template <class Derived>
class KernelFunction : public torch::autograd::Function<Derived> {
 public:
  /// Throws c10::Error if the gradients are to be differentiated again: kernels record no graph, so
  /// second derivatives would silently be missing.
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(),
                "gm's operators have no second derivative; use their plain forms");
    return Derived::gradients(*context, channels_last(gradients[0]));
  }
};

}  // namespace gm::ops
