#include "diffusion/sampler.h"

#include <ATen/core/grad_mode.h>

namespace gm {

at::Tensor Sampler::sample(const Denoise& denoise, const NoiseSource& noise,
                           const StepCallback& on_step) const {
  const at::NoGradGuard no_gradients;
  SamplingState state{.x = noise(timestep(steps() - 1) + 1)};
  for (int64_t k = steps() - 1; k >= 0; --k) {
    const int64_t t = timestep(k);
    step(
        denoise, k, [&] { return noise(t); }, state);
    if (on_step) on_step(t, state.x);
  }
  return state.x;
}

}  // namespace gm
