#include "tasks/inpaint.h"

#include <ATen/ATen.h>

namespace gm {

Unet make_filler(const ModelConfig& model, const ImageShape& shape, uint64_t seed) {
  check_image_size(model, shape.height, shape.width);
  return Unet(model,
              {.in_channels = shape.channels + 1, .out_channels = shape.channels, .timed = false},
              seed);
}

at::Tensor fill_with(Unet& network, const IncompletePictures& incomplete) {
  const at::NoGradGuard no_graph;
  return fill_holes(incomplete, network.forward(network_input(incomplete)));
}

InpaintTask::InpaintTask(const ModelConfig& model, MaskMaker masks, const ImageShape& shape,
                         uint64_t seed)
    : masks_(std::move(masks)), unet_(make_filler(model, shape, seed)) {}

std::vector<Phase> InpaintTask::phases() {
  return {
      {.name = "inpaint", .network = &unet_, .loss = [this](const Batch& b) { return loss(b); }}};
}

Losses InpaintTask::loss(const Batch& batch) {
  const IncompletePictures incomplete{batch.images, masks_(batch.positions)};
  const at::Tensor filled = paste(incomplete, unet_.forward(network_input(incomplete)));
  return {.total = mean_squared_error(filled, batch.images, incomplete.masks)};
}

at::Tensor InpaintTask::inpaint(const IncompletePictures& incomplete, uint64_t, const at::Tensor&,
                                const SamplingObserver&) {
  return fill_with(unet_, incomplete);
}

}  // namespace gm
