/// What a task trains on: the samples of one micro-batch for this rank.
#pragma once

#include <ATen/core/Tensor.h>

namespace gm {

/// Of n samples. A reader (batch_reader.h) fills `positions` and the tensors that its kind of
/// dataset has; the others stay undefined.
struct Batch {
  at::Tensor images = {};     ///< float32 [n,C,H,W] in [-1,1], channels last in memory.
  at::Tensor labels = {};     ///< int64 [n], or undefined when the dataset has no labels.
  at::Tensor tokens = {};     ///< int64 [n,L]: sequences of text; L may differ from batch to batch.
  at::Tensor positions = {};  ///< int64 [n], consecutive global positions; always on the CPU.
};

}  // namespace gm
