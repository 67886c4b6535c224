#include "diffusion/make_sampler.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "diffusion/linear_sampler.h"

namespace gm {
namespace {

using MakeSampler = std::unique_ptr<Sampler> (*)(const SamplerConfig&, NoiseSchedule, at::Device);

std::unique_ptr<Sampler> make_ancestral(const SamplerConfig&, NoiseSchedule schedule,
                                        at::Device device) {
  const LinearSteps factors = ancestral_steps(schedule);
  return std::make_unique<LinearSampler>(std::move(schedule), factors, device);
}

std::unique_ptr<Sampler> make_ddim(const SamplerConfig& config, NoiseSchedule schedule,
                                   at::Device device) {
  const LinearSteps factors = ddim_steps(schedule, config.eta);
  return std::make_unique<LinearSampler>(std::move(schedule), factors, device);
}

std::unique_ptr<Sampler> make_dpm_solver(const SamplerConfig&, NoiseSchedule schedule,
                                         at::Device device) {
  const LinearSteps factors = dpm_solver_steps(schedule);
  return std::make_unique<LinearSampler>(std::move(schedule), factors, device);
}

struct SamplerEntry {
  SamplerKind kind;
  MakeSampler make;
};

/// All samplers: a new one needs a source in diffusion/, an entry here, and its name in
/// sampler_config.h.
constexpr std::array kSamplers{
    SamplerEntry{SamplerKind::kAncestral, make_ancestral},
    SamplerEntry{SamplerKind::kDdim, make_ddim},
    SamplerEntry{SamplerKind::kDpmSolver, make_dpm_solver},
};

}  // namespace

void check_sampler(const SamplerConfig& config, int64_t timesteps) {
  if (config.steps < 0 || config.steps > timesteps) {
    throw InputError(
        "sampler.steps is {}, but the diffusion has {} steps (diffusion.steps): give from 1 to {}, "
        "or 0 for all of them",
        config.steps, timesteps, timesteps);
  }
  if (config.eta != 0 && config.kind != SamplerKind::kDdim) {
    throw InputError("sampler.eta is {}, which only sampler.kind = \"ddim\" uses: give 0",
                     config.eta);
  }
}

std::vector<int64_t> spread_timesteps(int64_t timesteps, int64_t count) {
  std::vector<int64_t> result;
  for (int64_t k = 1; k <= count; ++k) {  // rounded to the nearest
    result.push_back((2 * timesteps * k + count) / (2 * count) - 1);
  }
  return result;
}

std::unique_ptr<Sampler> make_sampler(const SamplerConfig& config, const NoiseSchedule& schedule,
                                      at::Device device) {
  check_sampler(config, schedule.steps());
  const int64_t steps = config.steps == 0 ? schedule.steps() : config.steps;
  const auto* const entry = std::ranges::find(kSamplers, config.kind, &SamplerEntry::kind);
  return entry->make(config, respaced(schedule, spread_timesteps(schedule.steps(), steps)), device);
}

}  // namespace gm
