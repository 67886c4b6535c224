#include "diffusion/sampler.h"

#include <ATen/core/grad_mode.h>

namespace gm {

at::Tensor Sampler::sample(const Denoise& denoise, const NoiseSource& noise,
                           const StepCallback& on_step) const {
  const at::NoGradGuard no_gradients;
  at::Tensor x = noise(steps());
  for (int64_t t = steps() - 1; t >= 0; --t) {
    x = step(denoise, x, t, t == 0 ? at::Tensor() : noise(t));
    if (on_step) on_step(t, x);
  }
  return x;
}

}  // namespace gm
