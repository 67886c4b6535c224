// The operators of the fake device. Almost all of them run the CPU's kernel on the same memory.
#include <ATen/ATen.h>
#include <ATen/EmptyTensor.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <ATen/native/Resize.h>
#include <ATen/ops/_local_scalar_dense_native.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/set_native.h>
#include <ATen/ops/unfold_native.h>
#include <ATen/ops/view_native.h>
#include <torch/library.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/fake_device.h"
#include "support/fake_device_counts.h"
#include "support/fake_device_memory.h"
#include "support/fake_device_streams.h"

namespace gm::fake_device {
namespace {

using at::Tensor;
using c10::IValue;
using torch::jit::Stack;
using OptionalFormat = std::optional<at::MemoryFormat>;

// ---- Values ------------------------------------------------------------------------------------

/// `value` with each defined tensor in it replaced by `replacement`(tensor).
template <class Replacement>
IValue replace_tensors(const IValue& value, Replacement replacement) {
  const auto replaced = [&](const Tensor& x) { return x.defined() ? replacement(x) : x; };
  if (value.isTensor()) return replaced(value.toTensor());
  if (value.isTensorList()) {
    c10::List<Tensor> list;
    for (const Tensor& x : value.toTensorList()) list.push_back(replaced(x));
    return list;
  }
  if (value.isOptionalTensorList()) {
    c10::List<std::optional<Tensor>> list;
    for (const std::optional<Tensor>& x : value.toOptionalTensorList())
      list.push_back(x ? std::optional(replaced(*x)) : std::nullopt);
    return list;
  }
  return value;
}

std::vector<Tensor> tensors_in(const IValue& value) {
  std::vector<Tensor> tensors;
  replace_tensors(value, [&](const Tensor& x) {
    tensors.push_back(x);
    return x;
  });
  return tensors;
}

/// The same memory, without the autograd graph, which a recorded operator must not keep alive.
std::vector<Tensor> without_graph(std::vector<Tensor> tensors) {
  for (Tensor& x : tensors) x = x.variable_data();
  return tensors;
}

bool is_written(const c10::Argument& argument) {
  return argument.alias_info() != nullptr && argument.alias_info()->isWrite();
}

/// "add_" for aten::add_, otherwise with the namespace.
std::string name_of(const c10::OperatorHandle& op) {
  const std::string& name = op.operator_name().name;
  return name.starts_with("aten::") ? name.substr(6) : name;
}

// ---- Calls of the CPU's kernels ----------------------------------------------------------------

/// Throws c10::Error for a tensor on the CPU, except where CUDA also accepts it: a scalar that is
/// only read.
void check_device(const std::string& name, const c10::Argument& argument, const IValue& value) {
  for (const Tensor& x : tensors_in(value)) {
    const bool is_scalar = value.isTensor() && x.dim() == 0 && !is_written(argument);
    TORCH_CHECK(x.is_privateuseone() || (x.is_cpu() && is_scalar), "fake device: ", name,
                ": the argument ", argument.name(), " ", x.sizes(), " is on ", x.device(),
                ", other arguments are on ", device());
  }
}

/// Whether CUDA needs values on the host to find the shape of the result, or the result itself.
bool host_needs_values(const c10::OperatorHandle& op, const std::vector<IValue>& arguments) {
  const std::string name = name_of(op);
  if (name.starts_with("index") || name.starts_with("_index_put")) {
    return std::ranges::any_of(arguments, [](const IValue& value) {
      const auto tensors = value.isOptionalTensorList() ? tensors_in(value) : std::vector<Tensor>();
      return std::ranges::any_of(tensors, [](const Tensor& index) {
        return index.scalar_type() == at::kBool || index.scalar_type() == at::kByte;
      });
    });
  }
  return op.hasTag(at::Tag::data_dependent_output) || op.hasTag(at::Tag::dynamic_output_shape);
}

/// A call of an operator with the contents of the device's tensors as arguments.
class HostCall {
 public:
  HostCall(const c10::OperatorHandle& op, const std::vector<IValue>& arguments) : op_(op) {
    for (const IValue& value : arguments) {
      arguments_.push_back(value.isDevice() ? IValue(at::Device(at::kCPU)) : on_host(value));
    }
  }

  Stack run() const {
    Stack stack = arguments_;
    op_.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), &stack);
    for (const auto& [on_device, on_host] : empty_) {
      if (on_host.numel() == 0) continue;
      on_device.resize_(on_host.sizes());
      contents(on_device).copy_(on_host);
    }
    return stack;
  }

 private:
  IValue on_host(const IValue& value) {
    return replace_tensors(value, [&](const Tensor& x) {
      // The value of a scalar is an argument of the kernel, also of a recorded one.
      if (!x.is_privateuseone()) return Recording::current() == nullptr ? x : x.clone();
      Tensor host = contents(x);
      if (x.numel() == 0) empty_.emplace_back(x, host);  // The operator may let it grow.
      return host;
    });
  }

  c10::OperatorHandle op_;
  Stack arguments_;
  std::vector<std::pair<Tensor, Tensor>> empty_;
};

Tensor to_device(const Tensor& result, OptionalFormat format, const std::string& name) {
  TORCH_CHECK(result.numel() == 0 || !holds_contents(result.const_data_ptr()),
              "fake device: ", name, " answers with a view and needs a kernel of its own");
  const Tensor host = format && result.dim() == 4 ? result.contiguous(*format) : result;
  Tensor on_device =
      at::empty_strided(host.sizes(), host.strides(), host.options().device(device()));
  use(on_device, Use::kWrite, name);
  if (host.numel() > 0) contents(on_device).copy_(host);
  return on_device;
}

/// The argument that an in-place or out= operator returns as `result`.
const IValue& written_argument(const c10::FunctionSchema& schema, const c10::Argument& result,
                               const std::vector<IValue>& arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const auto* alias = schema.arguments()[i].alias_info();
    if (alias != nullptr && *alias == *result.alias_info()) return arguments[i];
  }
  TORCH_CHECK(false, "fake device: ", schema.name(), " answers with an unknown argument");
}

/// What a recorded operator does at each replay.
std::function<void()> replay_of(const HostCall& call, const std::string& name,
                                std::vector<Tensor> reads, std::vector<Tensor> writes,
                                std::vector<std::pair<size_t, std::vector<Tensor>>> results) {
  return [=, reads = without_graph(std::move(reads)), writes = without_graph(std::move(writes))] {
    for (const Tensor& x : reads) use(x, Use::kRead, name);
    for (const Tensor& x : writes) use(x, Use::kWrite, name);
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    const Stack again = call.run();
    for (const auto& [index, tensors] : results) {
      const std::vector<Tensor> values = tensors_in(again[index]);
      for (size_t i = 0; i < values.size(); ++i) {
        use(tensors[i], Use::kWrite, name);
        if (values[i].numel() > 0) contents(tensors[i]).copy_(values[i]);
      }
    }
  };
}

/// Runs the CPU's kernel of `op` on the arguments on the stack. `format`: of new tensors [N,C,H,W];
/// the CPU's choice if there is none.
void run_on_host(const c10::OperatorHandle& op, Stack* stack, OptionalFormat format) {
  const std::scoped_lock lock(state_mutex());
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  const c10::FunctionSchema& schema = op.schema();
  const std::string name = name_of(op);
  const std::vector<IValue> arguments = torch::jit::pop(*stack, schema.arguments().size());

  std::vector<Tensor> reads, writes;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const c10::Argument& argument = schema.arguments()[i];
    check_device(name, argument, arguments[i]);
    for (const Tensor& x : tensors_in(arguments[i]))
      if (x.is_privateuseone()) (is_written(argument) ? writes : reads).push_back(x);
  }
  count_operator(name);
  for (const Tensor& x : reads) use(x, Use::kRead, name);
  for (const Tensor& x : writes) use(x, Use::kWrite, name);
  if (host_needs_values(op, arguments)) wait_for_current_stream(name);

  const HostCall call(op, arguments);
  const Stack answers = call.run();
  std::vector<std::pair<size_t, std::vector<Tensor>>> results;  // New tensors, by their position.
  for (size_t i = 0; i < answers.size(); ++i) {
    const c10::Argument& result = schema.returns()[i];
    if (is_written(result)) {
      stack->push_back(written_argument(schema, result, arguments));
      continue;
    }
    stack->push_back(
        replace_tensors(answers[i], [&](const Tensor& x) { return to_device(x, format, name); }));
    results.emplace_back(i, without_graph(tensors_in(stack->back())));
  }
  if (Recording* recording = Recording::current())
    recording->add(replay_of(call, name, std::move(reads), std::move(writes), std::move(results)));
}

void fallback(const c10::OperatorHandle& op, Stack* stack) { run_on_host(op, stack, {}); }

// ---- Operators that have another layout than on the CPU
// ------------------------------------------

Tensor& tensor_at(Stack* stack, size_t arguments, size_t index) {
  return (stack->end() - static_cast<std::ptrdiff_t>(arguments - index))->toTensor();
}

/// Like CUDA, which copies images that are channels last to NCHW.
void native_group_norm(const c10::OperatorHandle& op, Stack* stack) {
  Tensor& x = tensor_at(stack, 8, 0);
  x = x.contiguous();
  run_on_host(op, stack, at::MemoryFormat::Contiguous);
}

void native_group_norm_backward(const c10::OperatorHandle& op, Stack* stack) {
  for (const size_t index : {0, 1}) {  // The gradient, and the images.
    Tensor& x = tensor_at(stack, 10, index);
    x = x.contiguous();
  }
  run_on_host(op, stack, at::MemoryFormat::Contiguous);
}

/// Like cuDNN: channels last if the images or the weight are.
at::MemoryFormat convolution_format(const Tensor& images, const Tensor& weight) {
  constexpr auto kLast = at::MemoryFormat::ChannelsLast;
  const bool is_last =
      images.suggest_memory_format() == kLast || weight.suggest_memory_format() == kLast;
  return is_last ? kLast : at::MemoryFormat::Contiguous;
}

c10::OperatorHandle operator_of_aten(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "");
}

void convolution(const c10::OperatorHandle& /*overrideable*/, Stack* stack) {
  const auto format = convolution_format(tensor_at(stack, 9, 0), tensor_at(stack, 9, 1));
  run_on_host(operator_of_aten("aten::convolution"), stack, format);
}

void convolution_backward(const c10::OperatorHandle& /*overrideable*/, Stack* stack) {
  const auto format = convolution_format(tensor_at(stack, 10, 1), tensor_at(stack, 10, 2));
  const std::vector<int64_t> bias_sizes{tensor_at(stack, 10, 0).size(1)};
  stack->insert(stack->end() - 7, IValue(bias_sizes));  // This schema has one argument more.
  run_on_host(operator_of_aten("aten::convolution_backward"), stack, format);
}

// ---- New tensors and views ---------------------------------------------------------------------

const c10::DispatchKeySet kKeys(c10::DispatchKey::PrivateUse1);

Tensor empty(at::IntArrayRef size, std::optional<at::ScalarType> type,
             std::optional<at::Layout> /*layout*/, std::optional<at::Device> /*device*/,
             std::optional<bool> /*pin_memory*/, OptionalFormat format) {
  return at::detail::empty_generic(size, &device_allocator(), kKeys, at::dtype_or_default(type),
                                   format);
}

Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride,
                     std::optional<at::ScalarType> type, std::optional<at::Layout> /*layout*/,
                     std::optional<at::Device> /*device*/, std::optional<bool> /*pin_memory*/) {
  return at::detail::empty_strided_generic(size, stride, &device_allocator(), kKeys,
                                           at::dtype_or_default(type));
}

void grow(const c10::Storage& storage, size_t bytes) {
  const std::scoped_lock lock(state_mutex());
  at::DataPtr larger = device_allocator().allocate(bytes);
  if (storage.nbytes() > 0)
    device_allocator().copy_data(larger.get(), storage.data(), storage.nbytes());
  storage.set_data_ptr_noswap(std::move(larger));
  storage.set_nbytes(bytes);
}

const Tensor& resize_(const Tensor& self, at::IntArrayRef size, OptionalFormat format) {
  const size_t bytes = at::detail::computeStorageNbytesContiguous(
      size, self.element_size(), static_cast<size_t>(self.storage_offset()));
  if (bytes > self.storage().nbytes()) grow(self.storage(), bytes);
  self.unsafeGetTensorImpl()->set_sizes_contiguous(size);
  if (format) self.unsafeGetTensorImpl()->empty_tensor_restride(*format);
  return self;
}

Tensor& set_tensor(Tensor& self, const Tensor& source) {
  return at::native::set_storage_cpu_(self, source.storage(), source.storage_offset(),
                                      source.sizes(), source.strides());
}

void record_stream(Tensor& self, c10::Stream stream) {
  record_block_on_stream(self.storage().data(), static_cast<int>(stream.id()));
}

// ---- Copies ------------------------------------------------------------------------------------

Tensor contents_or_host(const Tensor& x) { return x.is_privateuseone() ? contents(x) : x; }

void copy_contents(const Tensor& from, const Tensor& to) {
  if (from.is_privateuseone()) use(from, Use::kRead, "copy");
  if (to.is_privateuseone()) use(to, Use::kWrite, "copy");
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  contents_or_host(to).copy_(contents_or_host(from));
}

/// Whether a copy moves bytes only. CUDA does other copies to and from the host through pageable
/// memory.
bool have_same_bytes(const Tensor& a, const Tensor& b) {
  const auto both_are = [&](at::MemoryFormat format) {
    return a.is_contiguous(format) && b.is_contiguous(format);
  };
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() &&
         (both_are(at::MemoryFormat::Contiguous) ||
          (a.dim() == 4 && both_are(at::MemoryFormat::ChannelsLast)) ||
          (a.strides() == b.strides() && a.is_non_overlapping_and_dense()));
}

void start_copy(const Tensor& from, const Tensor& to) {
  if (from.is_cpu()) return start_upload(from, to);
  if (to.is_cpu()) return start_download(from, to);
  copy_contents(from, to);
}

void record_copy(Recording& recording, const Tensor& from, const Tensor& to) {
  use(from, Use::kRead, "copy");
  use(to, Use::kWrite, "copy");
  recording.add([from = from.variable_data(), to = to.variable_data()] { start_copy(from, to); });
}

Tensor copy_from(const Tensor& from, const Tensor& to, bool non_blocking) {
  if (from.numel() == 0) return to;
  const std::scoped_lock lock(state_mutex());
  count_operator("copy");
  const bool is_upload = from.is_cpu(), is_download = to.is_cpu();
  const bool host_waits =
      (is_upload || is_download) &&
      !(non_blocking && (is_upload ? from : to).is_pinned() && have_same_bytes(from, to));
  if (host_waits) {
    copy_contents(from, to);
    wait_for_current_stream(is_upload ? "copy to the device" : "copy to the host");
  } else if (Recording* recording = Recording::current()) {
    record_copy(*recording, from, to);
  } else {
    start_copy(from, to);
  }
  return to;
}

at::Scalar item(const Tensor& self) {
  const std::scoped_lock lock(state_mutex());
  use(self, Use::kRead, "item");
  wait_for_current_stream("item");
  return at::native::_local_scalar_dense_cpu(contents(self));
}

// ---- Registration ------------------------------------------------------------------------------

template <auto* kKernel>
torch::CppFunction boxed() {
  return torch::CppFunction::makeFromBoxedFunction<kKernel>();
}

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) { library.fallback(boxed<&fallback>()); }

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("convolution_overrideable", boxed<&convolution>());
  library.impl("convolution_backward_overrideable", boxed<&convolution_backward>());
  library.impl("native_group_norm", boxed<&native_group_norm>());
  library.impl("native_group_norm_backward", boxed<&native_group_norm_backward>());

  library.impl("empty.memory_format", &empty);
  library.impl("empty_strided", &empty_strided);
  library.impl("as_strided", &at::native::as_strided_tensorimpl);
  library.impl("view", &at::native::view);
  library.impl("_reshape_alias", &at::native::_reshape_alias);
  library.impl("unfold", &at::native::unfold);
  library.impl("resize_", &resize_);
  library.impl("set_.source_Storage_storage_offset", &at::native::set_storage_cpu_);
  library.impl("set_.source_Tensor", &set_tensor);
  library.impl("record_stream", &record_stream);
  library.impl("_copy_from", &copy_from);
  library.impl("_local_scalar_dense", &item);
}

/// Whether LibTorch has a form of `op` that is made of other operators and fits every device.
bool is_composite(const c10::OperatorHandle& op) {
  using enum c10::DispatchKey;
  return op.hasKernelForDispatchKey(CompositeImplicitAutograd) ||
         op.hasKernelForDispatchKey(CompositeExplicitAutograd) ||
         op.hasKernelForDispatchKey(CompositeExplicitAutogradNonFunctional);
}

// LibTorch prefers composite forms to a fallback. Where the CPU has a kernel, CUDA has one too, so
// the fallback must be registered for each such operator to be one operator here.
TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  auto& dispatcher = c10::Dispatcher::singleton();
  for (const c10::OperatorName& name : dispatcher.getAllOpNames()) {
    const auto op = dispatcher.findSchema(name);
    if (!name.name.starts_with("aten::") || !op || !is_composite(*op) ||
        !op->hasKernelForDispatchKey(c10::DispatchKey::CPU) ||
        op->hasKernelForDispatchKey(c10::DispatchKey::PrivateUse1)) {
      continue;
    }
    library.impl(c10::toString(name).c_str(), boxed<&fallback>());
  }
}

}  // namespace
}  // namespace gm::fake_device
