/// The kinds of samplers, and the one that the configuration names.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "diffusion/sampler.h"
#include "diffusion/sampler_config.h"

namespace gm {

/// One kind of sampler: a value of sampler.kind.
struct SamplerKind {
  std::string name;
  bool uses_eta = false;  ///< Whether SamplerConfig::eta has an effect.
  /// A sampler that visits the steps of `schedule`.
  std::function<std::unique_ptr<Sampler>(const SamplerConfig&, const NoiseSchedule& schedule,
                                         at::Device)>
      make;
};

/// All kinds: a new sampler needs a source in diffusion/ and an entry here (make_sampler.cpp).
std::vector<SamplerKind>& sampler_kinds();

/// Throws InputError, with the key and values that work, unless `config` fits a diffusion of
/// `timesteps` timesteps.
void check_sampler(const SamplerConfig& config, int64_t timesteps);

/// `count` of the timesteps 0 .. `timesteps` - 1 in ascending order, spread evenly. The highest is
/// always the last one, where an image is pure noise: Lin et al., "Common diffusion noise schedules
/// and sample steps are flawed", 2024, table 2, "trailing".
std::vector<int64_t> spread_timesteps(int64_t timesteps, int64_t count);

/// The sampler of `config` for the process of `schedule`. Throws InputError if `config` is invalid.
std::unique_ptr<Sampler> make_sampler(const SamplerConfig& config, const NoiseSchedule& schedule,
                                      at::Device device = at::kCPU);

}  // namespace gm
