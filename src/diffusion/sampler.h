/// How images are made from noise. A sampler knows neither what the network predicts nor how it was
/// trained: it asks for clean images.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "diffusion/noise_schedule.h"

namespace gm {

/// The clean images that are expected for `x` [N,C,H,W] at the timesteps `t` (int64 [N]).
using Denoise = std::function<at::Tensor(const at::Tensor& x, const at::Tensor& t)>;

/// Standard normal noise [N,C,H,W] for one use in the sampling loop. `draw` = T asks for the
/// image that the loop starts from, `draw` = t for the noise that the reverse step at t adds.
using NoiseSource = std::function<at::Tensor(int64_t draw)>;

/// The noise of one reverse step, drawn only if the sampler asks for it.
using StepNoise = std::function<at::Tensor()>;

/// Called after the reverse step at `t` with the images that it has made. To leave the loop early,
/// throw.
using StepCallback = std::function<void(int64_t t, const at::Tensor& x)>;

/// The images of a sampling loop, and what a multistep sampler keeps of the step before. Each loop
/// begins with a state of its own.
struct SamplingState {
  at::Tensor x;                 ///< [N,C,H,W]
  at::Tensor previous_x0 = {};  ///< The clean images that were expected in that step.
  int64_t previous_step = -1;   ///< Its number.
};

class Sampler {
 public:
  /// A sampler that visits the steps of `schedule`.
  explicit Sampler(NoiseSchedule schedule) : schedule_(std::move(schedule)) {}
  virtual ~Sampler() = default;

  /// The loop runs over the steps steps() - 1 .. 0.
  int64_t steps() const { return schedule_.steps(); }
  /// The timestep at which step `k` starts. That step leads to timestep(k - 1), and step 0 to clean
  /// images.
  int64_t timestep(int64_t k) const { return schedule_.timesteps[static_cast<size_t>(k)]; }
  /// The noise levels of the steps: entry k is the level at which step k starts.
  const NoiseSchedule& schedule() const { return schedule_; }

  /// Step `k`: takes state.x from timestep(k) to the next lower level. A caller may change state.x
  /// between steps, and may return to a higher step. A multistep sampler uses what it keeps only if
  /// the step before was k + 1.
  virtual void step(const Denoise& denoise, int64_t k, const StepNoise& noise,
                    SamplingState& state) const = 0;

  /// New images with the shape of the output of `noise`. Runs without gradients. `on_step` may be
  /// empty. A draw depends on the timestep, not on the number of steps: a seed gives all samplers
  /// the same initial images.
  at::Tensor sample(const Denoise& denoise, const NoiseSource& noise,
                    const StepCallback& on_step = {}) const;

 private:
  NoiseSchedule schedule_;
};

}  // namespace gm
