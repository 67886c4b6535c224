#include "tasks/task.h"

#include "device/transfer.h"

namespace gm {

PreparedBatch Task::prepare(const Batch& batch) {
  return {.positions = batch.positions, .tensors = {{"images", upload(batch.images, device_)}}};
}

}  // namespace gm
