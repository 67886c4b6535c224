#include "tasks/task.h"

#include "base/error.h"
#include "device/transfer.h"

namespace gm {

const at::Tensor& PreparedBatch::operator[](const std::string& name) const {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw Error("the task did not prepare the tensor {}", name);
  return found->second;
}

PreparedBatch Task::prepare(const Batch& batch) {
  return {.positions = batch.positions, .tensors = {{"images", upload(batch.images, device_)}}};
}

}  // namespace gm
