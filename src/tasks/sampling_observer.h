/// How callers follow a sampling loop.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

namespace gm {

/// Called after each reverse step at `t` with the images so far, [n,C,H,W]. To leave the loop
/// early, throw.
using SamplingObserver = std::function<void(int64_t t, const at::Tensor& images)>;

}  // namespace gm
