/// Noise and timesteps that are keyed by sample, not by rank. A value depends on the seed, the use
/// (Stream), the sample's global position and the draw. It does not depend on the rank that
/// computes it, on the other samples of the batch, or on the device.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "base/counter_rng.h"
#include "diffusion/sampler.h"

namespace gm {

/// Standard normal noise for images of `shape` [C,H,W]: float32 [n,C,H,W] on `device`, channels
/// last in memory. `positions` is int64 [n] on the CPU. Within a sample, values are drawn in the
/// order of (h, w, c). A device without a kernel for it gets values that the CPU has drawn.
at::Tensor counter_normal(uint64_t seed, Stream stream, const at::Tensor& positions, uint32_t draw,
                          at::IntArrayRef shape, at::Device device = at::kCPU);

/// Timesteps, int64 [n] on `device`, uniform on 0 .. steps - 1 (Stream::kTimestep). `positions` is
/// int64 [n] on the CPU.
at::Tensor counter_timesteps(uint64_t seed, const at::Tensor& positions, int64_t steps,
                             at::Device device = at::kCPU);

/// The noise of a sampling loop (Stream::kSampling) for the samples `positions`, on `device`.
NoiseSource counter_sampling_noise(uint64_t seed, const at::Tensor& positions,
                                   at::IntArrayRef shape, at::Device device = at::kCPU);

}  // namespace gm
