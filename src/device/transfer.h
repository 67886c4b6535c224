/// Copies between the host and the device of a rank.
#pragma once

#include <ATen/core/Tensor.h>

namespace gm {

/// A copy of the host tensor `host` on `device`, with the same strides. The host does not wait: the
/// copy runs on a stream of its own, from pinned memory, while the device computes. Work that is
/// started on the current stream afterwards waits for it. If `host` is in pinned memory itself, it
/// must not change until then. Returns `host` if the device is the CPU, or if it is undefined.
at::Tensor upload(const at::Tensor& host, at::Device device);

/// A copy of `tensor` in host memory. Waits for the device. Returns `tensor` itself if it is a host
/// tensor.
at::Tensor download(const at::Tensor& tensor);

}  // namespace gm
