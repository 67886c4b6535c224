/// Monitors the training of a generator and a discriminator, which can fail even though all numbers
/// are finite.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>

namespace gm {

/// Adds the terms `diversity` (of the `filled` images [n,C,H,W]) and `diversity_real` (of the
/// original `images`): the mean absolute difference of two images of the batch over the pixels that
/// are masked in both. It is averaged over pairs of neighbours: the first and the second image, the
/// third and the fourth, ... The pairs are the same on any number of ranks, as long as each rank
/// has an even number of images of a micro-batch. Adds nothing for an odd number. Builds no graph.
void add_diversity(const at::Tensor& filled, const at::Tensor& images, const at::Tensor& masks,
                   std::map<std::string, at::Tensor>& terms);

/// Warns once about a problem that lasts for many consecutive steps, and again if it returns. It
/// counts from the start of the program: checkpoints do not contain its state.
class GanMonitor {
 public:
  /// Consecutive steps before a warning.
  static constexpr int64_t kPatience = 200;

  /// `chance`: AdversarialLoss::chance_loss().
  explicit GanMonitor(double chance) : chance_(chance) {}

  /// Takes the mean terms of a step. Returns a warning, or an empty string. The discriminator has
  /// won if its loss is very small compared with the loss of guessing. The generator has collapsed
  /// if it fills all masks alike. Warns once if diversity is not measured.
  std::string observe(const std::map<std::string, double>& terms);

 private:
  double chance_;
  int64_t won_ = 0;
  int64_t collapsed_ = 0;
  bool unmeasured_ = false;
};

}  // namespace gm
