/// Weight standardisation (Qiao et al., 2019), made once a step and shared by all its
/// micro-batches.
#pragma once

#include <ATen/core/Tensor.h>

namespace gm::ops {

/// `weight` [out,in,h,w] with mean 0 and variance 1 for each output channel (epsilon 1e-5), in
/// channels-last layout. Backward may run through it any number of times, without retain_graph.
at::Tensor standardize_weight(const at::Tensor& weight);

/// The same as plain ATen operators: the oracle.
at::Tensor standardize_weight_plain(const at::Tensor& weight);

}  // namespace gm::ops
