/// An operator's kernels against its plain ATen form in double precision.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "support/threads.h"

namespace gm::ops {

using at::Tensor;
using Tensors = std::vector<Tensor>;
using Function = std::function<Tensor(const Tensors&)>;

constexpr auto kLast = at::MemoryFormat::ChannelsLast;

inline Tensor images(at::IntArrayRef shape) { return at::randn(shape).contiguous(kLast); }

/// f(inputs), and the gradients of the sum of f(inputs) times a fixed random tensor.
inline Tensors run(const Function& f, const Tensors& inputs, at::ScalarType type) {
  Tensors variables;
  for (const Tensor& input : inputs) {
    variables.push_back(input.defined() ? input.to(type).clone().detach().requires_grad_() : input);
  }
  const Tensor y = f(variables);
  at::manual_seed(99);
  const Tensor weights = at::randn(y.sizes(), at::kDouble).to(type);
  (y * weights).sum().backward();
  Tensors results = {y};
  for (const Tensor& variable : variables) {
    results.push_back(variable.defined() ? variable.grad() : variable);
  }
  return results;
}

/// Expects that `kernel` in single precision and `plain` in double precision agree: the norm of
/// each tensor's error is at most `tolerance` times the tensor's norm.
inline void expect_agreement(const Function& kernel, const Function& plain, const Tensors& inputs,
                             double tolerance = 3e-6) {
  const Tensors actual = run(kernel, inputs, at::kFloat);
  const Tensors expected = run(plain, inputs, at::kDouble);
  for (size_t i = 0; i < actual.size(); ++i) {
    if (!expected[i].defined()) continue;
    ASSERT_EQ(actual[i].sizes(), expected[i].sizes()) << i;
    const double error = (actual[i].to(at::kDouble) - expected[i]).norm().item<double>();
    EXPECT_LE(error, tolerance * expected[i].norm().item<double>() + 1e-6)
        << (i == 0 ? "result" : "gradient of input " + std::to_string(i - 1));
  }
}

}  // namespace gm::ops
