/// Noise and timesteps that are keyed by sample, not by rank. A value depends on the seed, the use
/// (Stream), the sample's global position and the draw. It does not depend on the rank that
/// computes it or on the other samples of the batch.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "base/counter_rng.h"
#include "diffusion/sampler.h"

namespace gm {

/// Standard normal noise, float32 [n,C,H,W] on the CPU, channels last in memory. `positions` is
/// int64 [n] on the CPU. Within a sample, values are drawn in the order of (h, w, c).
at::Tensor counter_normal(uint64_t seed, Stream stream, const at::Tensor& positions, uint32_t draw,
                          int64_t channels, int64_t height, int64_t width);

/// Timesteps, int64 [n] on the CPU, uniform on 0 .. steps - 1 (Stream::kTimestep).
at::Tensor counter_timesteps(uint64_t seed, const at::Tensor& positions, int64_t steps);

/// The noise of a sampling loop (Stream::kSampling) for the samples `positions`.
NoiseSource counter_sampling_noise(uint64_t seed, const at::Tensor& positions, int64_t channels,
                                   int64_t height, int64_t width);

}  // namespace gm
