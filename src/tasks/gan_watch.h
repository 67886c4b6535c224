/// Looks after the game of generator and discriminator: it can be over without any number that is
/// not finite.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>

namespace gm {

/// Adds the terms `diversity` and `diversity_real`: the mean absolute difference of two pictures
/// of the batch where both are missing, for the filled [n,C,H,W] and for the original `pictures`.
/// Their mean over the pairs of neighbours; nothing without a pair. No graph is made.
void add_diversity(const at::Tensor& filled, const at::Tensor& pictures, const at::Tensor& masks,
                   std::map<std::string, at::Tensor>& terms);

/// Says once what has been wrong for many steps in a row, and again when it comes back.
class GanWatch {
 public:
  /// Steps in a row before anything is said.
  static constexpr int64_t kPatience = 200;

  /// After a step with these mean terms: what there is to say about it, or nothing. The
  /// discriminator has won when it is sure of nearly every picture; the generator has collapsed
  /// when it fills all holes alike.
  std::string look(const std::map<std::string, double>& terms);

 private:
  int64_t won_ = 0;
  int64_t collapsed_ = 0;
};

}  // namespace gm
