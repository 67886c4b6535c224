#include "tasks/inpaint.h"

#include <ATen/ATen.h>

namespace gm {

Unet make_inpainting_unet(const ModelConfig& model, const ImageShape& shape, uint64_t seed) {
  check_image_size(model, shape.height, shape.width);
  return Unet(model,
              {.in_channels = shape.channels + 1,
               .out_channels = shape.channels,
               .time_conditioned = false},
              seed);
}

at::Tensor inpaint_with(Unet& network, const MaskedImages& masked_images) {
  const at::NoGradGuard no_graph;
  return inpaint_with_prediction(masked_images, network.forward(network_input(masked_images)));
}

InpaintTask::InpaintTask(const ModelConfig& model, MaskMaker masks, const ImageShape& shape,
                         uint64_t seed)
    : masks_(std::move(masks)), unet_(make_inpainting_unet(model, shape, seed)) {}

std::vector<Phase> InpaintTask::phases() {
  return {
      {.name = "inpaint", .network = &unet_, .loss = [this](const Batch& b) { return loss(b); }}};
}

Losses InpaintTask::loss(const Batch& batch) {
  const MaskedImages masked_images{batch.images, masks_(batch.positions)};
  const at::Tensor filled = paste(masked_images, unet_.forward(network_input(masked_images)));
  return {.total = mean_squared_error(filled, batch.images, masked_images.masks)};
}

at::Tensor InpaintTask::inpaint(const MaskedImages& masked_images, uint64_t, const at::Tensor&,
                                const SamplingObserver&) {
  return inpaint_with(unet_, masked_images);
}

}  // namespace gm
