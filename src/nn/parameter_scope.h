/// Creates a network's parameters with the names of denoising-diffusion-pytorch 0.27.12 and with
/// their initial values.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <string>

namespace gm {

/// A place in the tree of a network's parameters. Layers are plain values that hold parameters; the
/// tree only gives the parameters their public names ("downs.0.0.block1.proj.weight").
///
/// Initial values follow PyTorch's defaults. They depend on (seed, index of the parameter), not on
/// the rank or the machine.
class ParameterScope {
 public:
  /// Parameters and buffers are created on `device`.
  ParameterScope(torch::nn::Module& root, uint64_t seed, at::Device device);

  /// The scope `name` inside this one. `name` may be several names joined by dots.
  ParameterScope operator/(const std::string& name) const;
  ParameterScope operator/(int64_t index) const { return *this / std::to_string(index); }

  /// A parameter drawn uniformly from +-1 / sqrt(fan_in): Kaiming initialisation with a = sqrt(5),
  /// PyTorch's default for weights and biases of convolutions and linear layers.
  at::Tensor uniform(const std::string& name, at::IntArrayRef shape, int64_t fan_in) const;
  at::Tensor ones(const std::string& name, at::IntArrayRef shape) const;
  at::Tensor zeros(const std::string& name, at::IntArrayRef shape) const;

  /// A buffer with the values of the host tensor `value`: state that is saved but not trained.
  at::Tensor buffer(const std::string& name, const at::Tensor& value) const;

  /// The number of times that the parameters were changed. Layers that cache derived values compare
  /// it with the number at the time of caching.
  const std::shared_ptr<int64_t>& version() const { return shared_->version; }

 private:
  struct Shared {
    uint64_t seed;
    at::Device device;
    uint64_t parameters = 0;
    std::shared_ptr<int64_t> version = std::make_shared<int64_t>(0);
  };

  ParameterScope(torch::nn::Module& module, std::shared_ptr<Shared> shared)
      : module_(&module), shared_(std::move(shared)) {}

  at::Tensor add(const std::string& name, const at::Tensor& value) const;

  torch::nn::Module* module_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace gm
