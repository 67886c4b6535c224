#include "eval/evaluation.h"

namespace gm {

Method method_of(Task& task, std::string name) {
  return {.name = std::move(name),
          .task = &task,
          .generator = task.image_generator(),
          .inpainter = task.inpainter()};
}

}  // namespace gm
