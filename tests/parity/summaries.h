/// Functions of unet_answers.py in C++: weights like those of a trained network, and summaries of
/// gradients.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "counter_values.h"
#include "nn/network.h"

namespace gm::parity {

/// Sets the parameters to the values that set_weights() of unet_answers.py uses.
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

/// [3]: the norm of the gradient of parameter number `index`, and its projections on two keyed
/// random vectors.
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
