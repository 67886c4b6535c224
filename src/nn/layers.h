/// The layers that networks are built of: parameters under their well-known names, and what is made
/// of them once a step.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "nn/parameter_scope.h"

namespace gm {

/// y = x W^T + b on the last dimension.
class Linear {
 public:
  Linear(const ParameterScope& scope, int64_t in, int64_t out);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  at::Tensor weight_;  // [out,in]
  at::Tensor bias_;    // [out]
};

/// A convolution's weight [out,in,h,w] in the form that kernels want: channels last and, if asked
/// for, standardised. It is made at the first use after the parameter changed and shared by every
/// pass until the next change, the backward passes of several micro-batches among them.
class PreparedWeight {
 public:
  PreparedWeight(const ParameterScope& scope, int64_t in, int64_t out, int64_t size,
                 bool standardized);
  const at::Tensor& get() const;

 private:
  at::Tensor weight_;
  bool standardized_;
  std::shared_ptr<const int64_t> version_;

  mutable at::Tensor prepared_;
  mutable int64_t prepared_version_ = -1;
};

struct ConvOptions {
  int64_t stride = 1;
  int64_t padding = 0;
  bool bias = true;
  /// Each output channel's weights are brought to mean 0 and variance 1 (Qiao et al., "Micro-batch
  /// training with batch-channel normalization and weight standardization", 2019).
  bool standardized = false;
};

/// A square convolution of `size` x `size`.
class Conv {
 public:
  Conv(const ParameterScope& scope, int64_t in, int64_t out, int64_t size,
       const ConvOptions& options = {});
  at::Tensor operator()(const at::Tensor& x) const;

  const at::Tensor& weight() const { return weight_.get(); }
  const at::Tensor& bias() const { return bias_; }

 private:
  PreparedWeight weight_;
  at::Tensor bias_;  // [out], or undefined
  ConvOptions options_;
};

}  // namespace gm
