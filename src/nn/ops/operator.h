/// Operators that have kernels for some devices, called through PyTorch's dispatcher.
///
/// A schema "gm::NAME" is declared next to the operator's public function. Kernels register
/// themselves for it (TORCH_LIBRARY_IMPL), those of the CPU from ops/cpu/; another device's can
/// come from another library. Public functions throw c10::Error where their arguments' shapes do
/// not fit together, and in backward where second derivatives are asked for.
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <optional>
#include <utility>

namespace gm::ops {

template <class Signature>
class Operator {
 public:
  /// `name` with its namespace, "gm::NAME".
  explicit Operator(const char* name)
      : handle_(c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>()) {}

  /// Runs the kernel for the arguments' device. Expects to be called inside of an autograd node:
  /// records nothing.
  template <class... Arguments>
  auto operator()(Arguments&&... arguments) const {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return handle_.call(std::forward<Arguments>(arguments)...);
  }

  /// Whether there is a kernel for the activations `x` [N,C,H,W]. All kernels want them in float32,
  /// dense and channels last, most with a multiple of 8 channels, so that vectors fit into a pixel.
  bool has_kernel_for(const at::Tensor& x, int64_t multiple = 8) const {
    return x.scalar_type() == at::kFloat && x.dim() == 4 && x.size(1) % multiple == 0 &&
           x.numel() > 0 && x.is_contiguous(at::MemoryFormat::ChannelsLast) &&
           handle_.hasKernelForDispatchKey(c10::legacyExtractDispatchKey(x.key_set()));
  }

 private:
  c10::TypedOperatorHandle<Signature> handle_;
};

/// `x` in the layout that kernels want. Undefined stays undefined.
inline at::Tensor channels_last(const at::Tensor& x) {
  return x.defined() ? x.contiguous(at::MemoryFormat::ChannelsLast) : x;
}

/// Throws c10::Error unless the images `x` [N,C,H,W], or `x` and `skip` [N,D,H,W], can be
/// convolved with `weight` [out,C+D,size,size] and `bias` [out]: kernels read on without a look.
inline void check_convolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                              int64_t size, const at::Tensor& skip = {}) {
  const int64_t skip_channels = skip.defined() ? skip.size(1) : 0;
  TORCH_CHECK(!skip.defined() ||
                  (skip.sizes() == at::IntArrayRef{x.size(0), skip_channels, x.size(2), x.size(3)}),
              "images ", skip.sizes(), " cannot lie skip images ", x.sizes());
  const int64_t out = weight.size(0), in = x.size(1) + skip_channels;
  TORCH_CHECK((weight.sizes() == at::IntArrayRef{out, in, size, size}) &&
                  (bias.sizes() == at::IntArrayRef{out}),
              "a weight ", weight.sizes(), " and a bias ", bias.sizes(), " cannot convolve ", in,
              " channels with a window of ", size);
}

/// Throws c10::Error unless `residual`, where it is defined, can be added to what is like `x`.
inline void check_residual(const at::Tensor& x, const at::Tensor& residual) {
  TORCH_CHECK(!residual.defined() || residual.sizes() == x.sizes(), "a residual ",
              residual.defined() ? residual.sizes() : x.sizes(), " is not like images ", x.sizes());
}

/// The first thing that a backward pass does: throws c10::Error where its gradients are to have
/// gradients of their own. Kernels record nothing, so that those would silently be left out.
inline void refuse_second_derivative() {
  TORCH_CHECK(!at::GradMode::is_enabled(),
              "gm's operators have no second derivative; use their plain forms");
}

/// An argument that may be left out, as the dispatcher and autograd nodes take it.
using OptionalTensor = std::optional<at::Tensor>;

inline OptionalTensor if_defined(const at::Tensor& x) {
  return x.defined() ? OptionalTensor(x) : std::nullopt;
}

}  // namespace gm::ops
