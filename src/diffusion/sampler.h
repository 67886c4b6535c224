/// How images are made from noise. A sampler knows neither what the network predicts nor how it was
/// trained: it asks for clean images.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

namespace gm {

/// The clean images that are expected for `x` [N,C,H,W] at the timesteps `t` (int64 [N]).
using Denoise = std::function<at::Tensor(const at::Tensor& x, const at::Tensor& t)>;

/// Standard normal noise [N,C,H,W] for one use in the sampling loop. `draw` = T asks for the
/// image that the loop starts from, `draw` = t for the noise that the reverse step at t adds.
using NoiseSource = std::function<at::Tensor(int64_t draw)>;

/// Called after the reverse step at `t` with the image x_{t-1}. To leave the loop early, throw.
using StepCallback = std::function<void(int64_t t, const at::Tensor& x)>;

class Sampler {
 public:
  virtual ~Sampler() = default;

  /// The loop runs over the timesteps steps() - 1 .. 0.
  virtual int64_t steps() const = 0;
  /// x_{t-1} from `x` = x_t. `noise` is ignored (and may be undefined) at t = 0.
  virtual at::Tensor step(const Denoise& denoise, const at::Tensor& x, int64_t t,
                          const at::Tensor& noise) const = 0;

  /// New images with the shape of the output of `noise`. Runs without gradients. `on_step` may be
  /// empty.
  at::Tensor sample(const Denoise& denoise, const NoiseSource& noise,
                    const StepCallback& on_step = {}) const;
};

}  // namespace gm
