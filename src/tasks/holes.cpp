#include "tasks/holes.h"

#include <ATen/ATen.h>

namespace gm {

at::Tensor network_input(const IncompletePictures& incomplete) {
  const at::Tensor known = incomplete.pictures.masked_fill(incomplete.masks > 0.5, 0);
  return at::cat({known, incomplete.masks}, 1).contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor fill_holes(const IncompletePictures& incomplete, const at::Tensor& filling) {
  return at::where(incomplete.masks > 0.5, filling.clamp(-1, 1), incomplete.pictures);
}

}  // namespace gm
