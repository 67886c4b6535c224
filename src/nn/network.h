/// What the trainer needs to know of a network.
#pragma once

#include <torch/nn/module.h>

namespace gm {

/// A module with parameters that others may change in place.
class Network : public torch::nn::Module {
 public:
  /// Whoever changed parameters says so: a network may keep what it derived from them, such as
  /// standardised weights, from one call to the next.
  virtual void weights_changed() {}
};

}  // namespace gm
