/// A picture's activations as a matrix of pixels and channels.
#pragma once

#include <ATen/ATen.h>

namespace gm::ops {

/// `x` [N,C,H,W] as [N,H*W,C]: a view where `x` is channels last.
inline at::Tensor pixels_of(const at::Tensor& x) {
  return x.permute({0, 2, 3, 1}).reshape({x.size(0), x.size(2) * x.size(3), x.size(1)});
}

/// [N,H*W,C] as pictures of the size of `like`, channels last.
inline at::Tensor pictures_of(const at::Tensor& pixels, const at::Tensor& like) {
  return pixels.view({like.size(0), like.size(2), like.size(3), -1}).permute({0, 3, 1, 2});
}

/// [N,P,heads*d] as [N,heads,P,d]: a view.
inline at::Tensor split_heads(const at::Tensor& x, int64_t heads) {
  return x.unflatten(2, {heads, -1}).transpose(1, 2);
}

/// [N,heads,P,d] as [N,P,heads*d].
inline at::Tensor join_heads(const at::Tensor& x) { return x.transpose(1, 2).flatten(2); }

/// The weight [out,in,1,1] of a 1x1 convolution as the matrix [out,in].
inline at::Tensor matrix_of(const at::Tensor& weight) { return weight.flatten(1); }

}  // namespace gm::ops
