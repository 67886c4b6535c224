/// A list of tensors under their names, as networks, flat buffers and files share it.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace at {
class Tensor;  // base includes nothing of LibTorch; who uses the list does
}

namespace gm {

/// Tensors with their names, in order.
using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

}  // namespace gm
