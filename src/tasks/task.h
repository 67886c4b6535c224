/// What is trained. A task owns networks, defines their losses, and generates samples. The trainer
/// knows phases, not models.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "data/batch.h"
#include "nn/network.h"

namespace gm {

/// The loss of a phase, and its named terms for the log. Scalars, means over the batch.
struct Losses {
  at::Tensor total;
  std::map<std::string, at::Tensor> terms = {};
};

/// One optimizer's part of a step: the network that it updates and the loss that it minimises.
struct Phase {
  std::string name;
  Network* network;
  std::function<Losses(const Batch&)> loss;
  double learning_rate_factor = 1;  ///< Multiplies optimizer.learning_rate.
};

/// Watches a sampling loop: called after each reverse step at `t` with the images so far,
/// [n,C,H,W].
using SamplingObserver = std::function<void(int64_t t, const at::Tensor& images)>;

/// Masked images.
struct MaskedImages {
  at::Tensor images;  ///< float32 [n,C,H,W] in [-1,1]; masked pixels are ignored.
  at::Tensor masks;   ///< float32 [n,1,H,W], 1 at masked pixels, 0 at known pixels.
};

/// A task is single-device code: it does not know ranks. Its losses depend only on its networks,
/// its seed, the batch, and the results of earlier phases of the same step for that batch.
class Task {
 public:
  virtual ~Task() = default;

  /// In the order in which they run in a step.
  virtual std::vector<Phase> phases() = 0;
  /// The network whose weights generate the images, and of which an EMA is kept.
  virtual Network& sampled_network() = 0;
  /// Whether sample() can generate images. Every task can inpaint.
  virtual bool can_sample() const { return false; }
  /// The images number `indices` (int64 [n]) of the infinite series of `seed`: float32 [n,C,H,W] in
  /// [-1,1]. An image depends on its index and the seed alone, not on the other images of the
  /// batch. Throws InputError unless can_sample().
  virtual at::Tensor sample(uint64_t seed, const at::Tensor& indices,
                            const SamplingObserver& observer);
  /// The images with their masks filled: float32 [n,C,H,W] in [-1,1]. The known pixels are bitwise
  /// unchanged. Randomness depends on `seed` and the image's index (`indices`, int64 [n]) alone.
  virtual at::Tensor inpaint(const MaskedImages& masked_images, uint64_t seed,
                             const at::Tensor& indices, const SamplingObserver& observer) = 0;
  /// Throws InputError, before any work is done, if inpaint() is not possible.
  virtual void check_inpainting() const {}
  /// A warning about the course of training after a step, given the means of its terms over
  /// micro-batches and ranks. Empty if all is well, or if nothing has changed.
  virtual std::string warning(const std::map<std::string, double>& terms);
};

}  // namespace gm
