/// Spectral normalisation: a layer's weight divided by its largest singular value as a matrix,
/// which bounds how far the layer stretches (though not by 1: windows of a convolution overlap).
/// Miyato, Kataoka, Koyama, Yoshida, "Spectral normalization for generative adversarial networks",
/// ICLR 2018.
#pragma once

#include <ATen/core/Tensor.h>

#include "nn/parameter_scope.h"

namespace gm {

/// Of one weight [out,...], taken as a matrix of `out` rows W. Its largest singular value is
/// u^T W v, for vectors u and v that power iteration brings nearer to the singular ones. They
/// are buffers called weight_u [out] and weight_v [columns], and constants to the gradient.
class SpectralNorm {
 public:
  /// `scope` is that of `weight`. The vectors begin with a few iterations from a constant.
  SpectralNorm(const ParameterScope& scope, const at::Tensor& weight);

  /// One power iteration, as PyTorch's torch.nn.utils.parametrizations.spectral_norm does it.
  void iterate(const at::Tensor& weight) const;

  /// weight / (u^T W v). Its gradient may be asked for by several backward passes, but has no
  /// gradient of its own.
  at::Tensor normalized(const at::Tensor& weight) const;

 private:
  at::Tensor u_;
  at::Tensor v_;
};

}  // namespace gm
