/// Spectral normalisation: the weight of a layer, as a matrix, is divided by its largest singular
/// value. This bounds the Lipschitz constant of the layer (not by 1 for a convolution, because its
/// windows overlap). Miyato, Kataoka, Koyama, Yoshida, "Spectral normalization for generative
/// adversarial networks", ICLR 2018.
#pragma once

#include <ATen/core/Tensor.h>

#include "nn/parameter_scope.h"

namespace gm {

/// The spectral norm of one weight [out,...], as a matrix W of `out` rows. Its largest singular
/// value is u^T W v. Power iteration brings the vectors u and v closer to the singular vectors.
/// They are the buffers weight_u [out] and weight_v [columns], and constants for the gradient.
class SpectralNorm {
 public:
  /// `scope` is that of `weight`. The vectors are initialised by a few iterations from a constant.
  SpectralNorm(const ParameterScope& scope, const at::Tensor& weight);

  /// One power iteration, as in PyTorch's torch.nn.utils.parametrizations.spectral_norm.
  void iterate(const at::Tensor& weight) const;

  /// weight / (u^T W v). Several backward passes may run through it. It has no second derivative.
  at::Tensor normalized(const at::Tensor& weight) const;

 private:
  at::Tensor u_;
  at::Tensor v_;
};

}  // namespace gm
