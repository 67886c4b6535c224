/// Weight standardisation (Qiao et al., 2019). It is computed once per step and shared by all
/// micro-batches.
#pragma once

#include <ATen/core/Tensor.h>

namespace gm::ops {

/// `weight` [out,in,h,w] with mean 0 and variance 1 for each output channel (epsilon 1e-5),
/// channels last. Backward may run through it any number of times, without retain_graph.
at::Tensor standardize_weight(const at::Tensor& weight);

/// The same with plain ATen operators: the reference for tests.
at::Tensor standardize_weight_plain(const at::Tensor& weight);

}  // namespace gm::ops
