/// Noise and timesteps that belong to a sample, not to a rank: the value depends on the seed, the
/// use, the sample's global position and the draw, whoever computes it and beside whichever others.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "base/counter_rng.h"
#include "diffusion/gaussian_diffusion.h"

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
