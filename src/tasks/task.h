/// What is trained: a task owns networks, says their losses, and makes samples. The trainer knows
/// phases, not models.
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

/// What a phase minimises, and the named parts of it for the log. Scalars, means over the batch.
struct Losses {
  at::Tensor total;
  std::map<std::string, at::Tensor> terms = {};
};

/// One optimizer's turn in a step: the network that it updates and the loss that it minimises.
struct Phase {
  std::string name;
  Network* network;
  std::function<Losses(const Batch&)> loss;
  double learning_rate_factor = 1;  ///< On optimizer.learning_rate.
};

/// Watches a sampling loop: called after each reverse step at `t` with the images so far,
/// [n,C,H,W].
using SamplingObserver = std::function<void(int64_t t, const at::Tensor& images)>;

/// Masked images.
struct MaskedImages {
  at::Tensor images;  ///< float32 [n,C,H,W] in [-1,1]; what lies in the masks is not looked at.
  at::Tensor masks;   ///< float32 [n,1,H,W], 1 where the image is missing, 0 where it is known.
};

/// A task is single-device code: it never sees a rank. Its losses depend on nothing but its
/// networks, its seed, the batch, and what earlier phases of the same step made of that batch.
class Task {
 public:
  virtual ~Task() = default;

  /// In the order in which they take their turns in a step.
  virtual std::vector<Phase> phases() = 0;
  /// The network whose weights make the images, and are averaged over time for that.
  virtual Network& sampled_network() = 0;
  /// Whether it makes images out of nothing, as sample() does. Every task inpaints.
  virtual bool can_sample() const { return false; }
  /// Images number `indices` (int64 [n]) of the endless series that belongs to `seed`: float32
  /// [n,C,H,W] in [-1,1]. An image depends on its index and the seed alone, not on which others
  /// are made beside it. Throws InputError unless can_sample().
  virtual at::Tensor sample(uint64_t seed, const at::Tensor& indices,
                            const SamplingObserver& observer);
  /// The images with their masks filled: float32 [n,C,H,W] in [-1,1], with the known pixels as
  /// they were, to the bit. What chance decides depends on `seed` and the image's index
  /// (`indices`, int64 [n]) alone.
  virtual at::Tensor inpaint(const MaskedImages& incomplete, uint64_t seed,
                             const at::Tensor& indices, const SamplingObserver& observer) = 0;
  /// Throws InputError, before any work, when inpaint() could not do its own.
  virtual void check_inpainting() const {}
  /// What there is to say about the course of training after a step, given the means of its terms
  /// over micro-batches and ranks; empty when all is well, or nothing has changed.
  virtual std::string warning(const std::map<std::string, double>& terms);
};

}  // namespace gm
