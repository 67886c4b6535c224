#include "train/flat_parameters.h"

#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <set>
#include <span>

#include "base/error.h"
#include "base/hash.h"
#include "device/transfer.h"

namespace gm {
namespace {

/// A cache line, and the widest vector register.
constexpr int64_t kAlignmentBytes = 64;

int64_t aligned(int64_t elements) {
  constexpr int64_t kUnit = kAlignmentBytes / static_cast<int64_t>(sizeof(float));
  return (elements + kUnit - 1) / kUnit * kUnit;
}

void require_usable(const std::string& name, const at::Tensor& tensor) {
  if (tensor.scalar_type() != at::kFloat) {
    throw Error("parameter {} is {}, not float32", name, c10::toString(tensor.scalar_type()));
  }
  if (!tensor.requires_grad() || !tensor.is_leaf()) {
    throw Error("parameter {} is not trainable", name);
  }
  if (!tensor.is_non_overlapping_and_dense()) {
    throw Error("parameter {} is not dense in memory", name);
  }
}

}  // namespace

FlatParameters::FlatParameters(const NamedTensors& parameters) {
  if (parameters.empty()) throw Error("a network without trainable parameters cannot be trained");
  std::set<std::string> names;
  int64_t size = 0;
  for (const auto& [name, tensor] : parameters) {
    require_usable(name, tensor);
    if (!names.insert(name).second) throw Error("two parameters are called {}", name);
    slices_.push_back({name, tensor, size});
    size += aligned(tensor.numel());
    parameter_count_ += tensor.numel();
  }
  const at::Tensor& first = parameters.front().second;
  parameters_ = at::zeros({size}, first.options().requires_grad(false));
  gradients_ = at::zeros_like(parameters_);
  first_moments_ = at::zeros_like(parameters_);
  second_moments_ = at::zeros_like(parameters_);
  for (Slice& slice : slices_) {
    view(parameters_, slice).copy_(slice.tensor.detach());
    slice.tensor.mutable_grad() = view(gradients_, slice);
  }
  point_network_at(parameters_);
}

void FlatParameters::keep_average() { ema_ = parameters_.clone(); }

at::Tensor FlatParameters::view(const at::Tensor& buffer, const Slice& slice) const {
  return buffer.as_strided(slice.tensor.sizes(), slice.tensor.strides(), slice.offset);
}

void FlatParameters::point_network_at(const at::Tensor& buffer) {
  for (Slice& slice : slices_) slice.tensor.set_data(view(buffer, slice));
}

NamedTensors FlatParameters::named_views(const at::Tensor& buffer) const {
  NamedTensors views;
  for (const Slice& slice : slices_) views.emplace_back(slice.name, view(buffer, slice));
  return views;
}

std::vector<GradientSlice> FlatParameters::gradient_slices() const {
  std::vector<GradientSlice> slices;
  for (const Slice& slice : slices_) {
    slices.push_back({slice.tensor, slice.offset, slice.tensor.numel()});
  }
  return slices;
}

void FlatParameters::zero_gradients() { gradients_.zero_(); }

std::string FlatParameters::hash() const {
  const at::Tensor host = download(parameters_);
  const std::span values(host.const_data_ptr<float>(), static_cast<size_t>(host.numel()));
  return Hash().add(std::as_bytes(values)).hex();
}

}  // namespace gm
