/// The output of a loader: the images of one micro-batch for this rank.
#pragma once

#include <ATen/core/Tensor.h>

namespace gm {

struct Batch {
  at::Tensor images;     ///< float32 [n,C,H,W] in [-1,1], channels last in memory.
  at::Tensor labels;     ///< int64 [n], or undefined when the dataset has no labels.
  at::Tensor positions;  ///< int64 [n], consecutive global sample positions; always on the CPU.
};

}  // namespace gm
