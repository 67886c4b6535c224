#include "device/transfer.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/empty_strided.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <unordered_map>

namespace gm {
namespace {

/// The stream of this thread's uploads to the device.
c10::Stream upload_stream(at::Device device) {
  static thread_local std::unordered_map<at::Device, c10::Stream> streams;
  const auto found = streams.find(device);
  if (found != streams.end()) return found->second;
  const c10::impl::VirtualGuardImpl guard(device.type());
  return streams.emplace(device, guard.getStreamFromGlobalPool(device)).first->second;
}

at::Tensor pinned_like(const at::Tensor& tensor) {
  return at::empty_strided(
      tensor.sizes(), tensor.strides(),
      tensor.options().device(at::kCPU).requires_grad(false).pinned_memory(true));
}

}  // namespace

at::Tensor upload(const at::Tensor& host, at::Device device) {
  if (!host.defined() || device.is_cpu()) return host;
  const c10::impl::VirtualGuardImpl streams(device.type());
  const c10::Stream compute = streams.getStream(device), copy = upload_stream(device);
  const at::Tensor pinned = host.is_pinned() ? host : pinned_like(host).copy_(host);
  at::Tensor result;
  {
    const c10::StreamGuard on_copy_stream(copy);
    result = at::empty_like(pinned, pinned.options().device(device).pinned_memory(false));
    result.copy_(pinned, /*non_blocking=*/true);
  }
  // Orders the computation after the copy.
  c10::Event copied(device.type());
  copied.record(copy);
  copied.block(compute);
  // The memory belongs to the copy stream. It must not be used for the next upload before the
  // computation has read it.
  streams.recordDataPtrOnStream(result.storage().data_ptr(), compute);
  return result;
}

at::Tensor download(const at::Tensor& tensor) {
  if (!tensor.defined() || tensor.is_cpu()) return tensor;
  const at::Tensor pinned = pinned_like(tensor);
  pinned.copy_(tensor.detach(), /*non_blocking=*/true);
  const c10::impl::VirtualGuardImpl streams(tensor.device().type());
  streams.synchronizeStream(streams.getStream(tensor.device()));
  return pinned;
}

}  // namespace gm
