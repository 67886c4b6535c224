/// What a task offers that trains a diffusion model: its loss at a chosen timestep.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "data/batch.h"
#include "tasks/masking.h"

namespace gm {

class DiffusionLosses {
 public:
  /// Where the loss is measured.
  struct Point {
    int64_t timestep = 0;  ///< 0 .. timesteps() - 1.
    uint64_t seed = 0;     ///< Of the noise, with the positions of the images and the timestep.
  };

  virtual ~DiffusionLosses() = default;

  /// The number of timesteps.
  virtual int64_t timesteps() const = 0;
  /// The training loss of each image of `batch`: float32 [n] without a gradient, on the task's
  /// device. `masks` are used only by a model that is trained on masks. The loss of an image
  /// depends on its content, its position and `point` alone.
  virtual at::Tensor losses_at(const Point& point, const Batch& batch, const MaskMaker& masks) = 0;
};

}  // namespace gm
