/// Putting the tensors of a file into a network's parameters, strictly.
#pragma once

#include <filesystem>
#include <string>

#include "base/state_dict.h"
#include "checkpoint/safetensors.h"

namespace gm {

/// Copies `weights` into `parameters`, in place and without recording gradients, converting the
/// type where it differs. Every parameter needs exactly one tensor of its own shape and nothing may
/// be left over; otherwise InputError lists what is missing, unexpected or of another shape (the
/// weights are another network's), naming `path`, and no parameter was changed.
void load_weights(const NamedTensors& parameters, const TensorMap& weights,
                  const std::filesystem::path& path);

/// The weights of one network among the tensors of a file, under the network's own names.
struct FoundWeights {
  TensorMap weights;
  std::string remark;  ///< What was done to the names, and what was left out; may be empty.
};

/// Finds the weights of the network of `parameters` in `file`, which `path` names. Programs that
/// wrap a network save it with a prefix on every name (`module.`, `_orig_mod.`, `model.`), and
/// other tensors beside it. The prefix is taken off, and tensors without it are left out. Of
/// several networks the averaged one is taken, which ema-pytorch calls `ema_model.`; InputError
/// where that does not tell. Whether a network is complete is for load_weights() to say.
FoundWeights find_weights(const NamedTensors& parameters, const TensorMap& file,
                          const std::filesystem::path& path);

/// Throws InputError, naming `path`, the tensors and how many of their values, unless all of
/// `weights` are finite as float32, in which networks compute.
void require_finite(const TensorMap& weights, const std::filesystem::path& path);

/// The parameters as they are saved: the same names, no gradients. The tensors share memory with
/// the network's.
TensorMap weights_of(const NamedTensors& parameters);

}  // namespace gm
