/// What the trainer needs to know of a network.
#pragma once

#include <torch/nn/module.h>

#include "base/state_dict.h"

namespace gm {

/// A module with parameters that others may change in place.
class Network : public torch::nn::Module {
 public:
  /// Whoever changed parameters says so: a network may keep what it derived from them, such as
  /// standardised weights, from one call to the next.
  virtual void invalidate_cache() {}

  /// All parameters under their full names ("downs.0.0.block1.proj.weight").
  NamedTensors parameter_list() const {
    NamedTensors list;
    for (const auto& item : named_parameters()) list.emplace_back(item.key(), item.value());
    return list;
  }

  /// State of the network beside its parameters, such as the vectors of a spectral norm: saved with
  /// them, and equal on all ranks.
  NamedTensors buffer_list() const {
    NamedTensors list;
    for (const auto& item : named_buffers()) list.emplace_back(item.key(), item.value());
    return list;
  }
};

/// While it lives, passes of a network make no gradients of its parameters; those of its input
/// they do make. What counts is when a graph is built: its backward pass may come later.
class [[nodiscard]] FrozenWeights {
 public:
  explicit FrozenWeights(Network& network) : parameters_(network.parameters()) { require(false); }
  ~FrozenWeights() { require(true); }
  FrozenWeights(const FrozenWeights&) = delete;
  FrozenWeights& operator=(const FrozenWeights&) = delete;

 private:
  void require(bool gradients) {
    for (at::Tensor& parameter : parameters_) parameter.requires_grad_(gradients);
  }

  std::vector<at::Tensor> parameters_;
};

}  // namespace gm
