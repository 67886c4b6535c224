/// Inpainting by least squares: a network that reads the masked image and the mask.
#pragma once

#include <cstdint>
#include <memory>

#include "image/image_shape.h"
#include "nn/denoiser.h"
#include "tasks/inpainter.h"
#include "tasks/masking.h"
#include "tasks/task.h"

namespace gm {

/// A network that inpaints. Its input is that of network_input() (tasks/masking.h). Throws
/// InputError if it does not fit the images.
std::unique_ptr<Denoiser> make_inpainting_network(const ModelConfig& model, const ImageShape& shape,
                                                  uint64_t seed, at::Device device);

/// A batch with its `masks` and the `input` of such a network.
PreparedBatch add_masks(PreparedBatch batch, const MaskMaker& masks, at::Device device);

/// The result of Inpainter::inpaint() with such a network.
at::Tensor inpaint_with(Denoiser& network, const MaskedImages& masked_images);

/// The loss is the squared error, averaged over the masked values of each image. The mask of an
/// image is keyed by its global sample position, so that it does not depend on the rank that trains
/// on it.
class InpaintTask : public Task, public Inpainter {
 public:
  /// `masks` makes the masks for training; `seed` draws the initial weights. Throws InputError if
  /// the network does not fit the images.
  InpaintTask(const ModelConfig& model, MaskMaker masks, const ImageShape& shape, uint64_t seed,
              at::Device device = at::kCPU);

  PreparedBatch prepare(const Batch& batch) override;
  std::vector<Phase> phases() override;
  Network& sampled_network() override { return *network_; }
  Inpainter* inpainter() override { return this; }
  /// Deterministic. Does not call `observer`.
  at::Tensor inpaint(const MaskedImages& masked_images, uint64_t seed, const at::Tensor& indices,
                     const SamplingObserver& observer) override;

 private:
  Losses loss(const PreparedBatch& batch);

  MaskMaker masks_;
  std::unique_ptr<Denoiser> network_;
};

}  // namespace gm
