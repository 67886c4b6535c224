/// What the trainer needs to know about a network.
#pragma once

#include <torch/nn/module.h>

#include "base/state_dict.h"

namespace gm {

/// A module whose parameters may be changed in place by other code.
class Network : public torch::nn::Module {
 public:
  /// Must be called after parameters were changed. A network may cache values that are derived from
  /// them, such as standardised weights.
  virtual void invalidate_cache() {}

  /// All parameters under their full names ("downs.0.0.block1.proj.weight").
  NamedTensors parameter_list() const {
    NamedTensors list;
    for (const auto& item : named_parameters()) list.emplace_back(item.key(), item.value());
    return list;
  }

  /// State of the network other than its parameters, such as the vectors of a spectral norm. It is
  /// equal on all ranks.
  NamedTensors buffer_list() const {
    NamedTensors list;
    for (const auto& item : named_buffers()) list.emplace_back(item.key(), item.value());
    return list;
  }

  /// Parameters and buffers: what every program saves and loads.
  NamedTensors state_list() const {
    NamedTensors list = parameter_list();
    for (const auto& buffer : buffer_list()) list.push_back(buffer);
    return list;
  }
};

/// While this object exists, passes through the network compute no gradients for its parameters,
/// only for its input. The time when a graph is built counts: its backward pass may run later.
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
