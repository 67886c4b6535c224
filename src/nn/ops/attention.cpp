#include "nn/ops/attention.h"

#include <ATen/ATen.h>
#include <torch/library.h>

#include "nn/ops/operator.h"
#include "nn/ops/pixels.h"

TORCH_LIBRARY_FRAGMENT(gm, library) {
  library.def("attention_takes(Tensor x, Tensor to_out, int heads) -> bool");
  library.def(
      "attention_forward(Tensor x, Tensor to_qkv, Tensor to_out, Tensor out_bias, int heads) "
      "-> Tensor y");
  library.def(
      "attention_backward(Tensor dy, Tensor x, Tensor to_qkv, Tensor to_out, int heads) "
      "-> (Tensor dx, Tensor dto_qkv, Tensor dto_out, Tensor dout_bias)");
}

namespace gm::ops {

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

const auto& attention_forward_operator() {
  static const Operator<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, int64_t)>
      result("gm::attention_forward");
  return result;
}

const auto& attention_backward_operator() {
  static const Operator<std::tuple<Tensor, Tensor, Tensor, Tensor>(
      const Tensor&, const Tensor&, const Tensor&, const Tensor&, int64_t)>
      result("gm::attention_backward");
  return result;
}

const auto& attention_takes() {
  static const KernelQuery<const Tensor&, int64_t> result("gm::attention_takes");
  return result;
}

class Attention : public KernelFunction<Attention> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& to_qkv,
                        const Tensor& to_out, const Tensor& out_bias, int64_t heads) {
    context->save_for_backward({x, to_qkv, to_out});
    context->saved_data["heads"] = heads;
    return attention_forward_operator()(x, to_qkv, to_out, out_bias, heads);
  }

  static variable_list gradients(AutogradContext& context, const Tensor& dy) {
    const variable_list saved = context.get_saved_variables();
    auto [dx, dto_qkv, dto_out, dout_bias] = attention_backward_operator()(
        dy, saved[0], saved[1], saved[2], context.saved_data["heads"].toInt());
    return {dx, dto_qkv, dto_out, dout_bias, Tensor()};
  }
};

/// `x` [N,heads,P,d] with the pixels P of each channel normalised to length 1.
Tensor normalize_over_pixels(const Tensor& x) {
  return x / x.norm(2, {2}, /*keepdim=*/true).clamp_min(1e-12);
}

}  // namespace

Tensor attention_plain(const Tensor& x, const Tensor& to_qkv, const Tensor& to_out,
                       const Tensor& out_bias, int64_t heads) {
  const auto qkv = at::linear(pixels_of(x), matrix_of(to_qkv)).chunk(3, 2);
  const Tensor q = normalize_over_pixels(split_heads(qkv[0], heads));
  const Tensor k = normalize_over_pixels(split_heads(qkv[1], heads));
  const Tensor v = split_heads(qkv[2], heads);

  const Tensor similarity = at::matmul(q, k.transpose(2, 3)) * kAttentionScale;
  const Tensor out = join_heads(at::matmul(similarity.softmax(-1), v));
  return images_of(at::linear(out, matrix_of(to_out), out_bias), x);
}

Tensor attention(const Tensor& x, const Tensor& to_qkv, const Tensor& to_out,
                 const Tensor& out_bias, int64_t heads) {
  if (!attention_takes()(x, to_out, heads)) {
    return attention_plain(x, to_qkv, to_out, out_bias, heads);
  }
  check_attention(x, to_qkv, to_out, out_bias, heads);
  return Attention::apply(x, to_qkv, to_out, out_bias, heads);
}

}  // namespace gm::ops
