#include "tasks/task.h"

#include "base/error.h"

namespace gm {

at::Tensor Task::sample(uint64_t, const at::Tensor&, const SamplingObserver&) {
  throw InputError("this run's model only inpaints: give it images (--inpaint IMAGES)");
}

std::string Task::warning(const std::map<std::string, double>&) { return {}; }

}  // namespace gm
