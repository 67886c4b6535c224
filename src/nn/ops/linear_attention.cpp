#include "nn/ops/linear_attention.h"

#include <ATen/ATen.h>

#include <cmath>

#include "nn/ops/pixels.h"

namespace gm::ops {

at::Tensor linear_attention_plain(const at::Tensor& x, const at::Tensor& to_qkv,
                                  const at::Tensor& to_out, const at::Tensor& out_bias,
                                  int64_t heads) {
  const at::Tensor pixels = pixels_of(x);
  const auto qkv = at::linear(pixels, matrix_of(to_qkv)).chunk(3, 2);
  at::Tensor q = split_heads(qkv[0], heads);
  at::Tensor k = split_heads(qkv[1], heads);
  const at::Tensor v = split_heads(qkv[2], heads) / pixels.size(1);

  q = q.softmax(3) * (1.0 / std::sqrt(static_cast<double>(q.size(3))));
  k = k.softmax(2);
  const at::Tensor context = at::matmul(k.transpose(2, 3), v);
  const at::Tensor out = join_heads(at::matmul(q, context));
  return pictures_of(at::linear(out, matrix_of(to_out), out_bias), x);
}

at::Tensor linear_attention(const at::Tensor& x, const at::Tensor& to_qkv, const at::Tensor& to_out,
                            const at::Tensor& out_bias, int64_t heads) {
  return linear_attention_plain(x, to_qkv, to_out, out_bias, heads);
}

}  // namespace gm::ops
