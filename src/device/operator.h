/// Operators that have kernels for some devices, called through PyTorch's dispatcher.
///
/// A schema "gm::NAME" is declared where the operator is used. Kernels register themselves for it
/// (TORCH_LIBRARY_IMPL): those of the CPU in folders named cpu/, those of another device in the
/// library of that device.
#pragma once

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/TensorOptions.h>

#include <utility>

namespace gm {

template <class Signature>
class Operator {
 public:
  /// `name` with its namespace, "gm::NAME".
  explicit Operator(const char* name)
      : handle_(c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>()) {}

  /// Runs the kernel for the arguments' device. Records no graph for autograd.
  template <class... Arguments>
  auto operator()(Arguments&&... arguments) const {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return handle_.call(std::forward<Arguments>(arguments)...);
  }

  /// Whether a kernel was registered for `device` itself.
  bool has_kernel_for(at::Device device) const {
    return handle_.hasKernelForDispatchKey(c10::computeDispatchKey({}, {}, device));
  }

 private:
  c10::TypedOperatorHandle<Signature> handle_;
};

}  // namespace gm
