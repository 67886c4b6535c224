#include "eval/evaluation.h"

namespace gm {

Method method_of(Task& task) {
  return {.task = &task, .generator = task.image_generator(), .inpainter = task.inpainter()};
}

}  // namespace gm
