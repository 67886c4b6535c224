/// The layers of the networks. Their parameters have the names of denoising-diffusion-pytorch
/// 0.27.12. Tensors derived from parameters are computed once per step.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>

#include <cstdint>
#include <memory>

#include "nn/ops/convolution3x3.h"
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

/// A value derived from a network's parameters. It is computed at the first use after the
/// parameters changed. All passes share it until the next change, including the backward passes of
/// several micro-batches.
template <class Value>
class CachedWeight {
 public:
  explicit CachedWeight(const ParameterScope& scope) : version_(scope.version()) {}

  /// The cached value, computed by `make` if necessary. `parameter` is the parameter that it is
  /// derived from.
  template <class Make>
  const Value& get(const at::Tensor& parameter, const Make& make) const {
    // A value without a graph is useless to a pass that needs one. A value with a graph, in a pass
    // that needs none, would keep the graph alive and give gradients to a frozen network.
    const bool with_graph = c10::GradMode::is_enabled() && parameter.requires_grad();
    if (made_at_ != *version_ || with_graph_ != with_graph) {
      value_ = make();
      made_at_ = *version_;
      with_graph_ = with_graph;
    }
    return value_;
  }

 private:
  std::shared_ptr<const int64_t> version_;

  mutable Value value_;
  mutable int64_t made_at_ = -1;
  mutable bool with_graph_ = false;
};

/// The parameters of a square convolution.
class Conv {
 public:
  /// `size` is the height and width of the window.
  Conv(const ParameterScope& scope, int64_t in, int64_t out, int64_t size, bool bias = true);

  const at::Tensor& weight() const;                 ///< [out,in,size,size], channels last.
  const at::Tensor& bias() const { return bias_; }  ///< [out], or undefined.

 private:
  at::Tensor weight_;
  at::Tensor bias_;
  CachedWeight<at::Tensor> channels_last_weight_;
};

/// A 3x3 convolution that keeps the size of the image.
class Conv3x3 {
 public:
  /// `standardized`: standardises the weights of each output channel to mean 0 and variance 1 (Qiao
  /// et al., "Micro-batch training with batch-channel normalization and weight standardization",
  /// 2019).
  Conv3x3(const ParameterScope& scope, int64_t in, int64_t out, bool standardized = false);

  /// Convolves `x`, or `x` and `skip` as if concatenated along channels.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& skip = {}) const;

 private:
  at::Tensor weight_;  // [out,in,3,3]
  at::Tensor bias_;    // [out]
  bool standardized_;
  CachedWeight<ops::Convolution3x3Weight> prepared_;
};

}  // namespace gm
