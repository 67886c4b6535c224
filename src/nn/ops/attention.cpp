#include "nn/ops/attention.h"

#include <ATen/ATen.h>

#include "nn/ops/pixels.h"

namespace gm::ops {

namespace {

/// `x` [N,heads,P,d] with the pixels P of each channel brought to length 1.
at::Tensor normalize_over_pixels(const at::Tensor& x) {
  return x / x.norm(2, {2}, /*keepdim=*/true).clamp_min(1e-12);
}

}  // namespace

at::Tensor attention(const at::Tensor& x, const at::Tensor& to_qkv, const at::Tensor& to_out,
                     const at::Tensor& out_bias, int64_t heads) {
  constexpr double kScale = 10.0;
  const auto qkv = at::linear(pixels_of(x), matrix_of(to_qkv)).chunk(3, 2);
  const at::Tensor q = normalize_over_pixels(split_heads(qkv[0], heads));
  const at::Tensor k = normalize_over_pixels(split_heads(qkv[1], heads));
  const at::Tensor v = split_heads(qkv[2], heads);

  const at::Tensor similarity = at::matmul(q, k.transpose(2, 3)) * kScale;
  const at::Tensor out = join_heads(at::matmul(similarity.softmax(-1), v));
  return pictures_of(at::linear(out, matrix_of(to_out), out_bias), x);
}

}  // namespace gm::ops
