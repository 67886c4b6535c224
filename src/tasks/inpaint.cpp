#include "tasks/inpaint.h"

#include <ATen/ATen.h>

#include "device/transfer.h"

namespace gm {

std::unique_ptr<Denoiser> make_inpainting_network(const ModelConfig& model, const ImageShape& shape,
                                                  uint64_t seed, at::Device device) {
  check_image_size(model, shape.height, shape.width);
  return make_denoiser(model,
                       {.in_channels = shape.channels + 1,
                        .out_channels = shape.channels,
                        .time_conditioned = false},
                       seed, device);
}

PreparedBatch add_masks(PreparedBatch batch, const MaskMaker& masks, at::Device device) {
  batch.tensors["masks"] = upload(masks(batch.positions), device);
  batch.tensors["input"] = network_input({batch["images"], batch["masks"]});
  return batch;
}

at::Tensor inpaint_with(Denoiser& network, const MaskedImages& masked_images) {
  const at::NoGradGuard no_graph;
  return inpaint_with_prediction(masked_images, network.forward(network_input(masked_images), {}));
}

InpaintTask::InpaintTask(const ModelConfig& model, MaskMaker masks, const ImageShape& shape,
                         uint64_t seed, at::Device device)
    : Task(device),
      masks_(std::move(masks)),
      network_(make_inpainting_network(model, shape, seed, device)) {}

PreparedBatch InpaintTask::prepare(const Batch& batch) {
  return add_masks(Task::prepare(batch), masks_, device());
}

std::vector<Phase> InpaintTask::phases() {
  return {{.name = "inpaint", .network = network_.get(), .loss = [this](const PreparedBatch& b) {
             return loss(b);
           }}};
}

Losses InpaintTask::loss(const PreparedBatch& batch) {
  const at::Tensor &images = batch["images"], &masks = batch["masks"];
  const at::Tensor filled = paste({images, masks}, network_->forward(batch["input"], {}));
  return {.total = mean_squared_error(filled, images, masks)};
}

at::Tensor InpaintTask::inpaint(const MaskedImages& masked_images, uint64_t, const at::Tensor&,
                                const SamplingObserver&) {
  return inpaint_with(*network_, upload(masked_images, device()));
}

}  // namespace gm
