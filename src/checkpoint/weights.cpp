#include "checkpoint/weights.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/isfinite.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string_view>

#include "base/error.h"
#include "base/hash.h"
#include "base/list_names.h"

namespace gm {
namespace {

/// Names for a message; names with the same first part are combined: "step, online_model.* (160)".
std::string in_groups(const std::vector<std::string>& names) {
  std::map<std::string, size_t> sizes;
  for (const std::string& name : names) {
    const size_t dot = name.find('.');
    ++sizes[dot == std::string::npos ? name : name.substr(0, dot + 1) + "*"];
  }
  std::vector<std::string> groups;
  for (const auto& [group, size] : sizes) {
    groups.push_back(group.ends_with('*') ? fmt::format("{} ({})", group, size) : group);
  }
  return list_names(groups);
}

std::string shape_text(const at::Tensor& tensor) {
  return fmt::format("[{}]", fmt::join(tensor.sizes(), ","));
}

/// Why `weights` do not fit `parameters`; empty if they do.
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
  if (!missing.empty()) reasons.push_back("missing: " + list_names(missing));
  if (!unexpected.empty()) reasons.push_back("unexpected: " + list_names(unexpected));
  if (!misshapen.empty()) reasons.push_back("of another shape: " + list_names(misshapen));
  return reasons;
}

/// How many of the network's names the file has with each prefix ("", "module.").
std::map<std::string, size_t> prefixes(const NamedTensors& parameters, const TensorMap& file) {
  std::set<std::string_view> names;
  size_t longest = 0;
  for (const auto& [name, parameter] : parameters) {
    names.insert(name);
    longest = std::max(longest, name.size());
  }
  std::map<std::string, size_t> counts;
  for (const auto& [name, tensor] : file) {
    for (size_t at = name.size(); at-- > 0 && name.size() - at <= longest;) {
      const bool begins_a_part = at == 0 || name[at - 1] == '.';
      const std::string_view rest = std::string_view(name).substr(at);
      if (begins_a_part && names.contains(rest)) ++counts[name.substr(0, at)];
    }
  }
  return counts;
}

/// The prefix with which the file has most of the network's names: all of them, if it is the right
/// file. Of several such prefixes, the one of averaged weights.
std::string prefix_of_network(const NamedTensors& parameters, const TensorMap& file,
                              const std::filesystem::path& path) {
  size_t most = 0;
  std::vector<std::string> best, averaged;
  for (const auto& [prefix, count] : prefixes(parameters, file)) {
    if (count > most) best.clear();
    if (count >= most) best.push_back(prefix);
    most = std::max(most, count);
  }
  std::ranges::copy_if(best, std::back_inserter(averaged), [](const std::string& prefix) {
    return prefix.find("ema_model.") != std::string::npos;
  });
  if (best.size() > 1 && averaged.size() == 1) return averaged.front();
  if (best.size() > 1 && most == parameters.size()) {
    throw InputError(
        "{}: holds {} networks, with the prefixes \"{}\"; save the one to start from in its own "
        "file",
        path.string(), best.size(), fmt::join(best, "\", \""));
  }
  const bool is_likely = 2 * most >= parameters.size();
  return best.empty() || !is_likely ? "" : best.front();
}

}  // namespace

FoundWeights find_weights(const NamedTensors& parameters, const TensorMap& file,
                          const std::filesystem::path& path) {
  const std::string prefix = prefix_of_network(parameters, file, path);
  if (prefix.empty()) return {file, ""};
  FoundWeights found;
  std::vector<std::string> left_out;
  for (const auto& [name, tensor] : file) {
    if (name.starts_with(prefix))
      found.weights.emplace(name.substr(prefix.size()), tensor);
    else
      left_out.push_back(name);
  }
  found.remark = fmt::format("{}: removed the prefix {} from every name", path.string(), prefix);
  if (!left_out.empty()) found.remark += "; left out: " + in_groups(left_out);
  return found;
}

void require_finite(const TensorMap& weights, const std::filesystem::path& path) {
  std::vector<std::string> wrong;
  for (const auto& [name, tensor] : weights) {
    const auto finite = at::isfinite(tensor.to(at::kFloat)).sum().item<int64_t>();
    if (finite == tensor.numel()) continue;
    wrong.push_back(
        fmt::format("{} ({} of {} values)", name, tensor.numel() - finite, tensor.numel()));
  }
  if (wrong.empty()) return;
  throw InputError("{}: NaN or infinity in {}; use weights from before the training diverged",
                   path.string(), list_names(wrong));
}

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

std::string hash_of_weights(const TensorMap& weights) {
  TensorMap on_host;
  for (const auto& [name, tensor] : weights) on_host.emplace(name, tensor.cpu());
  Hash hash;
  write_safetensors([&](std::span<const std::byte> bytes) { hash.add(bytes); }, on_host);
  return hash.hex();
}

}  // namespace gm
