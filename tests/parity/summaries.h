/// What unet_answers.py has beside the oracle: weights as of a trained network, and gradients in a
/// few numbers.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "counter_values.h"
#include "nn/network.h"

namespace gm::parity {

/// Gives the parameters the values that set_weights() of unet_answers.py gives the oracle's.
inline void set_weights(Network& network) {
  const at::NoGradGuard no_gradients;
  uint64_t index = 0;
  for (const auto& [name, value] : network.parameter_list()) {
    double low = -0.3, high = 0.3;
    if (name.ends_with("norm.weight") || name.ends_with(".g")) {
      low = 0.8, high = 1.2;
    } else if (!name.ends_with("bias")) {
      const auto fan_in = static_cast<double>(value.numel() / value.size(0));
      high = std::sqrt(3.0 / fan_in), low = -high;
    }
    value.copy_(counter_uniform(0, kWeights, index++, value.sizes(), low, high));
  }
  network.invalidate_cache();
}

/// Length, and projections on two keyed vectors, of the gradient of parameter number `index`.
inline at::Tensor summary(uint64_t index, const at::Tensor& gradient) {
  const at::Tensor g = gradient.to(at::kDouble).flatten();
  std::vector<double> values = {g.norm().item<double>()};
  for (uint64_t i = 0; i < 2; ++i) {
    const at::Tensor v = counter_uniform(0, kProjections, 2 * index + i, {g.numel()});
    values.push_back(g.dot(v.to(at::kDouble)).item<double>());
  }
  return at::tensor(values, at::kDouble);
}

inline double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

}  // namespace gm::parity
