/// What the CPU kernels take.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace gm::ops::cpu {

/// Whether kernels take the activations `x` [N,C,H,W]: float32, dense and channels last. Most need
/// a `multiple` of 8 channels, so that a pixel consists of whole vectors.
inline bool takes(const at::Tensor& x, int64_t multiple = 8) {
  return x.scalar_type() == at::kFloat && x.dim() == 4 && x.size(1) % multiple == 0 &&
         x.numel() > 0 && x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

/// Whether an attention to `x` does: the channels of a head must also consist of whole vectors.
inline bool takes_heads(const at::Tensor& x, const at::Tensor& to_out, int64_t heads) {
  return takes(x) && heads > 0 && to_out.size(1) / heads % 8 == 0;
}

}  // namespace gm::ops::cpu
