#include "run/starting_weights.h"

#include "base/hash.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/weights.h"
#include "comm/consistency.h"

namespace gm {

std::string load_starting_weights(const std::string& path, Communicator& communicator,
                                  Network& network) {
  if (path.empty()) return "";
  Hash hash;
  const TensorMap file = load_safetensors(path, hash);
  require_same_everywhere(communicator, "the file of model.weights", hash.hex());
  const auto [weights, remark] = find_weights(network.state_list(), file, path);
  require_finite(weights, path);
  load_weights(network.state_list(), weights, path);
  network.invalidate_cache();
  return remark;
}

}  // namespace gm
