#include "nn/parameter_scope.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <sstream>

#include "base/counter_rng.h"

namespace gm {

namespace {

/// The child module `name` of `parent`. Creates it if necessary.
torch::nn::Module& child(torch::nn::Module& parent, const std::string& name) {
  const auto children = parent.named_children();  // by value
  if (const auto* known = children.find(name)) return **known;
  return *parent.register_module(name, std::make_shared<torch::nn::Module>());
}

}  // namespace

ParameterScope::ParameterScope(torch::nn::Module& root, uint64_t seed, at::Device device)
    : ParameterScope(root, std::make_shared<Shared>(Shared{seed, device})) {}

ParameterScope ParameterScope::operator/(const std::string& name) const {
  torch::nn::Module* module = module_;
  std::istringstream names(name);
  for (std::string part; std::getline(names, part, '.');) module = &child(*module, part);
  return ParameterScope(*module, shared_);
}

at::Tensor ParameterScope::uniform(const std::string& name, at::IntArrayRef shape,
                                   int64_t fan_in) const {
  CounterRng random(shared_->seed, Stream::kInitialWeights, shared_->parameters);
  const float bound = 1.0F / std::sqrt(static_cast<float>(fan_in));
  at::Tensor value = at::empty(shape, at::kFloat);
  std::generate_n(value.data_ptr<float>(), value.numel(),
                  [&] { return bound * (2.0F * random.uniform() - 1.0F); });
  return add(name, value);
}

at::Tensor ParameterScope::ones(const std::string& name, at::IntArrayRef shape) const {
  return add(name, at::ones(shape, at::kFloat));
}

at::Tensor ParameterScope::zeros(const std::string& name, at::IntArrayRef shape) const {
  return add(name, at::zeros(shape, at::kFloat));
}

at::Tensor ParameterScope::buffer(const std::string& name, const at::Tensor& value) const {
  return module_->register_buffer(name, value.to(shared_->device));
}

at::Tensor ParameterScope::add(const std::string& name, const at::Tensor& value) const {
  ++shared_->parameters;
  return module_->register_parameter(name, value.to(shared_->device));
}

}  // namespace gm
