/// Inpainting by least squares: a U-Net that reads the masked image and the mask.
#pragma once

#include <cstdint>

#include "image/image_shape.h"
#include "nn/unet.h"
#include "tasks/inpainter.h"
#include "tasks/masking.h"
#include "tasks/task.h"

namespace gm {

/// A U-Net that inpaints. Its input is that of network_input() (tasks/masking.h). Throws InputError
/// if it does not fit the images.
Unet make_inpainting_unet(const ModelConfig& model, const ImageShape& shape, uint64_t seed);

/// The result of Inpainter::inpaint() with such a network.
at::Tensor inpaint_with(Unet& network, const MaskedImages& masked_images);

/// The loss is the squared error, averaged over the masked values of each image. The mask of an
/// image is keyed by its global sample position, so that it does not depend on the rank that trains
/// on it.
class InpaintTask : public Task, public Inpainter {
 public:
  /// `masks` makes the masks for training; `seed` draws the initial weights. Throws InputError if
  /// the network does not fit the images.
  InpaintTask(const ModelConfig& model, MaskMaker masks, const ImageShape& shape, uint64_t seed);

  std::vector<Phase> phases() override;
  Network& sampled_network() override { return unet_; }
  Inpainter* inpainter() override { return this; }
  /// Deterministic. Does not call `observer`.
  at::Tensor inpaint(const MaskedImages& masked_images, uint64_t seed, const at::Tensor& indices,
                     const SamplingObserver& observer) override;

 private:
  Losses loss(const Batch& batch);

  MaskMaker masks_;
  Unet unet_;
};

}  // namespace gm
