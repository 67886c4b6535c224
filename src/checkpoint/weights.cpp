#include "checkpoint/weights.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <span>

#include "base/error.h"

namespace gm {
namespace {

/// Names for a message: the first few, and how many more.
std::string some_of(const std::vector<std::string>& names) {
  constexpr size_t kShown = 5;
  const std::span shown(names.data(), std::min(names.size(), kShown));
  std::string text = fmt::format("{}", fmt::join(shown, ", "));
  if (names.size() > kShown) text += fmt::format(" and {} more", names.size() - kShown);
  return text;
}

std::string shape_text(const at::Tensor& tensor) {
  return fmt::format("[{}]", fmt::join(tensor.sizes(), ","));
}

/// What keeps `weights` from being the weights of `parameters`; empty when nothing does.
std::vector<std::string> mismatches(const NamedTensors& parameters, const TensorMap& weights) {
  std::vector<std::string> missing, misshapen, unexpected;
  TensorMap left = weights;
  for (const auto& [name, parameter] : parameters) {
    const auto found = left.find(name);
    if (found == left.end()) {
      missing.push_back(name);
      continue;
    }
    if (found->second.sizes() != parameter.sizes()) {
      misshapen.push_back(
          fmt::format("{} is {}, here {}", name, shape_text(found->second), shape_text(parameter)));
    }
    left.erase(found);
  }
  for (const auto& [name, tensor] : left) unexpected.push_back(name);

  std::vector<std::string> reasons;
  if (!missing.empty()) reasons.push_back("missing: " + some_of(missing));
  if (!unexpected.empty()) reasons.push_back("unexpected: " + some_of(unexpected));
  if (!misshapen.empty()) reasons.push_back("of another shape: " + some_of(misshapen));
  return reasons;
}

}  // namespace

void load_weights(const NamedTensors& parameters, const TensorMap& weights,
                  const std::filesystem::path& path) {
  const auto reasons = mismatches(parameters, weights);
  if (!reasons.empty()) {
    throw InputError("{}: weights of another network ({}); check the [model] and data keys",
                     path.string(), fmt::join(reasons, "; "));
  }
  const at::NoGradGuard no_gradients;
  for (const auto& [name, parameter] : parameters) {
    at::Tensor target = parameter;  // a handle: the parameter itself is written
    target.copy_(weights.at(name));
  }
}

TensorMap weights_of(const NamedTensors& parameters) {
  TensorMap weights;
  for (const auto& [name, parameter] : parameters) weights.emplace(name, parameter.detach());
  return weights;
}

}  // namespace gm
