#include "diffusion/make_sampler.h"

#include "base/error.h"
#include "base/named_table.h"
#include "diffusion/linear_sampler.h"

namespace gm {
namespace {

std::unique_ptr<Sampler> make_linear(const NoiseSchedule& schedule, const LinearSteps& factors,
                                     at::Device device) {
  return std::make_unique<LinearSampler>(schedule, factors, device);
}

const SamplerKind& sampler_kind(const SamplerConfig& config) {
  return find_named(sampler_kinds(), config.kind, "sampler.kind");
}

}  // namespace

std::vector<SamplerKind>& sampler_kinds() {
  static std::vector<SamplerKind> kinds{
      {.name = "ancestral",
       .make =
           [](const SamplerConfig&, const NoiseSchedule& schedule, at::Device device) {
             return make_linear(schedule, ancestral_steps(schedule), device);
           }},
      {.name = "ddim",
       .uses_eta = true,
       .make =
           [](const SamplerConfig& config, const NoiseSchedule& schedule, at::Device device) {
             return make_linear(schedule, ddim_steps(schedule, config.eta), device);
           }},
      {.name = "dpm++",
       .make =
           [](const SamplerConfig&, const NoiseSchedule& schedule, at::Device device) {
             return make_linear(schedule, dpm_solver_steps(schedule), device);
           }},
  };
  return kinds;
}

std::vector<std::string> sampler_names() { return names_in(sampler_kinds()); }

void check_sampler(const SamplerConfig& config, int64_t timesteps) {
  if (config.steps < 0 || config.steps > timesteps) {
    throw InputError(
        "sampler.steps is {}, but the diffusion has {} steps (diffusion.steps): give from 1 to {}, "
        "or 0 for all of them",
        config.steps, timesteps, timesteps);
  }
  if (config.eta != 0 && !sampler_kind(config).uses_eta) {
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
  return sampler_kind(config).make(
      config, respaced(schedule, spread_timesteps(schedule.steps(), steps)), device);
}

}  // namespace gm
