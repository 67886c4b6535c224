/// Looks after the game of generator and discriminator: it can be over without any number that is
/// not finite.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>

namespace gm {

/// Adds the terms `diversity` and `diversity_real`: the mean absolute difference of two images
/// of the batch where both are missing, for the filled [n,C,H,W] and for the original `images`.
/// Their mean over the pairs of neighbours, the first image with the second, the third with the
/// fourth: on any number of ranks the same pairs, as long as each has an even number of images of
/// a micro-batch. Nothing for an odd number. No graph is made.
void add_diversity(const at::Tensor& filled, const at::Tensor& images, const at::Tensor& masks,
                   std::map<std::string, at::Tensor>& terms);

/// Says once what has been wrong for many steps in a row, and again when it comes back. It counts
/// from the start of the program: no checkpoint keeps what it has seen.
class GanMonitor {
 public:
  /// Steps in a row before anything is said.
  static constexpr int64_t kPatience = 200;

  /// `chance`: AdversarialLoss::chance_loss().
  explicit GanMonitor(double chance) : chance_(chance) {}

  /// After a step with these mean terms: what there is to say about it, or nothing. The
  /// discriminator has won when next to nothing is left of its loss beside what chance costs; the
  /// generator has collapsed when it fills all masks alike. Where diversity is not measured, it
  /// says so once.
  std::string observe(const std::map<std::string, double>& terms);

 private:
  double chance_;
  int64_t won_ = 0;
  int64_t collapsed_ = 0;
  bool unmeasured_ = false;
};

}  // namespace gm
