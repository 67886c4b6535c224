#include "diffusion/repaint.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "base/error.h"

namespace gm {
namespace {

constexpr int64_t kMaxMoves = 10'000'000;

void check_repaint(int64_t steps, const RepaintConfig& config) {
  if (config.jump_length < 1 || config.resamplings < 1) {
    throw InputError(
        "repaint.jump_length is {} and repaint.resamplings {}: both must be at least 1",
        config.jump_length, config.resamplings);
  }
  if (config.resamplings == 1) return;
  if (config.jump_length >= steps) {
    throw InputError(
        "repaint.jump_length is {}, but there are only {} steps (diffusion.steps, sampler.steps): "
        "set repaint.jump_length to at most {}, or repaint.resamplings=1",
        config.jump_length, steps, steps - 1);
  }
  if (config.resamplings > kMaxMoves / (2 * steps)) {
    throw InputError(
        "repaint.resamplings is {}: with {} steps that is more than {} moves per image; reduce it",
        config.resamplings, steps, kMaxMoves);
  }
}

at::Tensor all_at(const at::Tensor& x, int64_t t) {
  return at::full({x.size(0)}, t, x.options().dtype(at::kLong));
}

/// Up to the noise of step `k` from the level below: q(x_k | x_{k-1}).
at::Tensor forward_move(const Sampler& sampler, const at::Tensor& x, int64_t k,
                        const at::Tensor& noise) {
  const double beta = sampler.schedule().beta[static_cast<size_t>(k)];
  return std::sqrt(1 - beta) * x + std::sqrt(beta) * noise;
}

}  // namespace

std::vector<int64_t> repaint_levels(int64_t steps, const RepaintConfig& config) {
  check_repaint(steps, config);
  std::vector<int64_t> levels{steps};
  const auto down_to = [&](int64_t level) {
    while (levels.back() > level) levels.push_back(levels.back() - 1);
  };
  const auto up_to = [&](int64_t level) {
    while (levels.back() < level) levels.push_back(levels.back() + 1);
  };
  const int64_t jump = config.jump_length;
  for (int64_t level = (steps - jump - 1) / jump * jump + 1; level > 0; level -= jump) {
    down_to(level);
    for (int64_t i = 1; i < config.resamplings; ++i) {
      up_to(level + jump);
      down_to(level);
    }
  }
  down_to(0);
  return levels;
}

at::Tensor repaint(const GaussianDiffusion& diffusion, const Denoise& denoise,
                   const at::Tensor& images, const at::Tensor& masks, const RepaintConfig& config,
                   const NoiseSource& noise, const StepCallback& on_step) {
  const at::NoGradGuard no_gradients;
  const at::Tensor missing = masks > 0.5;
  const Sampler& sampler = diffusion.sampler();
  const std::vector<int64_t> levels = repaint_levels(sampler.steps(), config);
  SamplingState state{.x = noise(0)};
  for (size_t i = 1; i < levels.size(); ++i) {
    const int64_t level = levels[i];
    const auto draw = static_cast<int64_t>(2 * i);
    if (level > levels[i - 1]) {
      state.x = forward_move(sampler, state.x, level - 1, noise(draw));
      continue;
    }
    sampler.step(
        denoise, level, [&] { return noise(draw); }, state);
    // An image of noise level l is where step l - 1 starts; level 0 is the image itself.
    const at::Tensor known =
        level == 0 ? images
                   : diffusion.levels().add_noise(
                         images, all_at(images, sampler.timestep(level - 1)), noise(draw + 1));
    state.x = at::where(missing, state.x, known);
    if (on_step) on_step(sampler.timestep(level), state.x);
  }
  return state.x;
}

}  // namespace gm
