/// Putting the tensors of a file into a network's parameters, strictly.
#pragma once

#include <filesystem>

#include "base/named_tensors.h"
#include "checkpoint/safetensors.h"

namespace gm {

/// Copies `weights` into `parameters`, in place and without recording gradients, converting the
/// type where it differs. Every parameter needs exactly one tensor of its own shape and nothing may
/// be left over; otherwise InputError lists what is missing, unexpected or of another shape (the
/// weights are another network's), naming `path`, and no parameter was changed.
void load_weights(const NamedTensors& parameters, const TensorMap& weights,
                  const std::filesystem::path& path);

/// The parameters as they are saved: the same names, no gradients. The tensors share memory with
/// the network's.
TensorMap weights_of(const NamedTensors& parameters);

}  // namespace gm
