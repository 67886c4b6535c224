/// Loads the tensors of a file into a network's parameters, with strict checks.
#pragma once

#include <filesystem>
#include <string>

#include "base/state_dict.h"
#include "checkpoint/safetensors.h"

namespace gm {

/// Copies `weights` into `parameters`, in place and without recording gradients, converting the
/// type if it differs. Every parameter needs exactly one tensor of its own shape, and no tensor may
/// be left over. Otherwise throws InputError, which names `path` and lists what is missing,
/// unexpected or of another shape (the weights belong to another network); no parameter is changed.
void load_weights(const NamedTensors& parameters, const TensorMap& weights,
                  const std::filesystem::path& path);

/// The weights of one network among the tensors of a file, under the network's own names.
struct FoundWeights {
  TensorMap weights;
  std::string remark;  ///< What was done to the names, and what was left out; may be empty.
};

/// Finds the weights of the network of `parameters` in `file`, which was read from `path`. Programs
/// that wrap a network save it with a prefix on every name (`module.`, `_orig_mod.`, `model.`),
/// together with other tensors. The prefix is removed, and tensors without it are left out. Of
/// several networks the averaged one is used (`ema_model.` in ema-pytorch); throws InputError if
/// that does not decide. Does not check whether the network is complete: load_weights() does.
FoundWeights find_weights(const NamedTensors& parameters, const TensorMap& file,
                          const std::filesystem::path& path);

/// Throws InputError unless all `weights` are finite as float32, in which networks compute. The
/// message names `path`, the tensors and the number of values that are not finite.
void require_finite(const TensorMap& weights, const std::filesystem::path& path);

/// The parameters as they are saved: the same names, no gradients. The tensors share memory with
/// the network's.
TensorMap weights_of(const NamedTensors& parameters);

/// The hash of their file in a checkpoint (Checkpoint::hash()). The tensors are on any device.
std::string hash_of_weights(const TensorMap& weights);

}  // namespace gm
