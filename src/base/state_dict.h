/// A list of named tensors, shared by networks, flat buffers and files.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace at {
class Tensor;  // base does not include LibTorch; users of the list do
}

namespace gm {

/// Tensors with their names, in order.
using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

}  // namespace gm
