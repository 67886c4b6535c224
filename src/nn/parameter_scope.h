/// Makes a network's parameters under the names of denoising-diffusion-pytorch 0.27.12, with their
/// initial values.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <string>

namespace gm {

/// A place in the tree of a network's parameters. Layers are plain values that hold parameters; the
/// tree only gives them the names by which the world knows them ("downs.0.0.block1.proj.weight").
///
/// Values follow PyTorch's defaults and belong to (seed, index of the parameter): they depend
/// neither on the rank nor on the machine.
class ParameterScope {
 public:
  ParameterScope(torch::nn::Module& root, uint64_t seed);

  /// The scope called `name` inside of this one. Several names may be joined by dots.
  ParameterScope operator/(const std::string& name) const;
  ParameterScope operator/(int64_t index) const { return *this / std::to_string(index); }

  /// A parameter uniform on +-1 / sqrt(fan_in): Kaiming's for a = sqrt(5), as PyTorch draws the
  /// weights and biases of convolutions and linear layers.
  at::Tensor uniform(const std::string& name, at::IntArrayRef shape, int64_t fan_in) const;
  at::Tensor ones(const std::string& name, at::IntArrayRef shape) const;
  at::Tensor zeros(const std::string& name, at::IntArrayRef shape) const;

  /// State that is no parameter: nothing is trained, everything is saved.
  at::Tensor buffer(const std::string& name, const at::Tensor& value) const;

  /// Counts how often the parameters were given new values. Layers that keep something made from
  /// them compare it with the count of that time.
  const std::shared_ptr<int64_t>& version() const { return shared_->version; }

 private:
  struct Shared {
    uint64_t seed;
    uint64_t parameters = 0;
    std::shared_ptr<int64_t> version = std::make_shared<int64_t>(0);
  };

  ParameterScope(torch::nn::Module& module, std::shared_ptr<Shared> shared)
      : module_(&module), shared_(std::move(shared)) {}

  at::Tensor add(const std::string& name, at::Tensor value) const;

  torch::nn::Module* module_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace gm
