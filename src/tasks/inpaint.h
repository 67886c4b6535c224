/// Inpainting by least squares: a U-Net that reads the masked image and the mask.
#pragma once

#include <cstdint>

#include "data/image_shape.h"
#include "nn/unet.h"
#include "tasks/masking.h"
#include "tasks/task.h"

namespace gm {

/// A U-Net that inpaints: it reads what network_input() makes (tasks/masks.h). Throws InputError
/// when it does not fit the images.
Unet make_inpainting_unet(const ModelConfig& model, const ImageShape& shape, uint64_t seed);

/// What Task::inpaint() asks for, made by such a network.
at::Tensor inpaint_with(Unet& network, const MaskedImages& incomplete);

/// The loss is the squared error, mean over the missing values of each image. The mask of a
/// image is keyed by its global sample position, so that it does not depend on the rank that
/// trains it.
class InpaintTask : public Task {
 public:
  /// `masks` make the masks of training; `seed` draws the initial weights. Throws InputError when
  /// the network does not fit the images.
  InpaintTask(const ModelConfig& model, MaskMaker masks, const ImageShape& shape, uint64_t seed);

  std::vector<Phase> phases() override;
  Network& sampled_network() override { return unet_; }
  /// Leaves nothing to chance, and calls no observer.
  at::Tensor inpaint(const MaskedImages& incomplete, uint64_t seed, const at::Tensor& indices,
                     const SamplingObserver& observer) override;

 private:
  Losses loss(const Batch& batch);

  MaskMaker masks_;
  Unet unet_;
};

}  // namespace gm
