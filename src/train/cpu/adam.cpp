#include "train/cpu/adam.h"

#include "base/cpu/simd.h"

namespace gm::GM_KERNEL_SET {

namespace {

/// from + share * (to - from), computed from the nearer end, so the result is exactly `to` if share
/// is 1.
struct Blend {
  explicit Blend(float share) : near_to(share >= 0.5F), factor(near_to ? share - 1.0F : share) {}

  GM_INLINE Lanes operator()(const Lanes& from, const Lanes& to) const {
    return (near_to ? to : from) + factor * (to - from);
  }

  bool near_to;
  float factor;
};

GM_KERNEL void update(const AdamFactors& factors, const AdamBuffers& buffers, int64_t count) {
  const Blend first_blend(factors.first_share), ema_blend(factors.ema_share);
  for (int64_t i = 0; i < count; i += kLanes) {
    const Lanes gradient = load(buffers.gradients + i) * factors.gradient_factor;
    const Lanes first = first_blend(load(buffers.first_moments + i), gradient);
    const Lanes second = factors.second_decay * load(buffers.second_moments + i) +
                         factors.second_share * gradient * gradient;
    const Lanes deviation = sqrt(second) * factors.deviation_factor + factors.epsilon;
    const Lanes parameter = load(buffers.parameters + i) - factors.step * first / deviation;
    store(buffers.first_moments + i, first);
    store(buffers.second_moments + i, second);
    store(buffers.parameters + i, parameter);
    if (buffers.ema != nullptr) {
      store(buffers.ema + i, ema_blend(load(buffers.ema + i), parameter));
    }
  }
}

const bool in_use = use_kernel(adam_kernel, update);

}  // namespace

}  // namespace gm::GM_KERNEL_SET
