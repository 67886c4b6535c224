/// Activations of images, and their views as matrices of pixels and channels.
#pragma once

#include <ATen/ATen.h>

namespace gm::ops {

/// `x` [N,C,H,W] as [N,H*W,C]: a view where `x` is channels last.
inline at::Tensor pixels_of(const at::Tensor& x) {
  return x.permute({0, 2, 3, 1}).reshape({x.size(0), x.size(2) * x.size(3), x.size(1)});
}

/// Uninitialised dense images [N,channels,height,width], channels last, as many as in `x`.
inline at::Tensor images_like(const at::Tensor& x, int64_t channels, int64_t height,
                              int64_t width) {
  return at::empty({x.size(0), channels, height, width}, x.options(),
                   at::MemoryFormat::ChannelsLast);
}

inline at::Tensor images_like(const at::Tensor& x, int64_t channels) {
  return images_like(x, channels, x.size(2), x.size(3));
}

/// [N,H*W,C] as images of the size of `like`, channels last.
inline at::Tensor images_of(const at::Tensor& pixels, const at::Tensor& like) {
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

/// Throws c10::Error unless `to_qkv` [3*D,C,1,1], `to_out` [C,D,1,1] and `out_bias` [C] fit images
/// `x` [N,C,H,W], D a multiple of `heads`. Kernels do not check shapes.
inline void check_attention(const at::Tensor& x, const at::Tensor& to_qkv, const at::Tensor& to_out,
                            const at::Tensor& out_bias, int64_t heads) {
  const int64_t channels = x.size(1), width = to_out.size(1);
  TORCH_CHECK((to_qkv.sizes() == at::IntArrayRef{3 * width, channels, 1, 1}) &&
                  (to_out.sizes() == at::IntArrayRef{channels, width, 1, 1}) &&
                  (out_bias.sizes() == at::IntArrayRef{channels}) && width % heads == 0,
              "projections ", to_qkv.sizes(), " and ", to_out.sizes(), " with a bias ",
              out_bias.sizes(), " cannot attend to ", channels, " channels with ", heads, " heads");
}

}  // namespace gm::ops
