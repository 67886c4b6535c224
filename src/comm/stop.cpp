#include "comm/stop.h"

#include <ATen/ops/scalar_tensor.h>

#include "base/error.h"
#include "base/signals.h"
#include "comm/communicator.h"

namespace gm {

void throw_if_any_rank_stopped(Communicator& communicator) {
  const at::Tensor signal = at::scalar_tensor(stop_signal().value_or(0), at::kInt);
  communicator.all_reduce_max(signal);
  if (const int number = signal.item<int>(); number != 0) {
    throw StopRequested("{}", stop_reason(number));
  }
}

}  // namespace gm
