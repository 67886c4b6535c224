#include "nn/ops/linear_attention.h"

#include <torch/library.h>

#include <cmath>

#include "nn/ops/operator.h"
#include "nn/ops/pixels.h"

// `averages` [N,D,C] holds k^T x, where k is after its softmax over pixels. `log_sums` [N,D] holds
// the logarithms of the softmax denominators. Both are empty if the kernel's backward does not need
// them.
TORCH_LIBRARY_FRAGMENT(gm, library) {
  library.def("linear_attention_takes(Tensor x, Tensor to_out, int heads) -> bool");
  library.def(
      "linear_attention_forward(Tensor x, Tensor to_qkv, Tensor to_out, Tensor out_bias, int heads)"
      " -> (Tensor y, Tensor averages, Tensor log_sums)");
  library.def(
      "linear_attention_backward(Tensor dy, Tensor x, Tensor to_qkv, Tensor to_out, int heads, "
      "Tensor averages, Tensor log_sums) "
      "-> (Tensor dx, Tensor dto_qkv, Tensor dto_out, Tensor dout_bias)");
}

namespace gm::ops {

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

const auto& linear_attention_forward_operator() {
  static const Operator<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&,
                                                           const Tensor&, const Tensor&, int64_t)>
      result("gm::linear_attention_forward");
  return result;
}

const auto& linear_attention_backward_operator() {
  static const Operator<std::tuple<Tensor, Tensor, Tensor, Tensor>(
      const Tensor&, const Tensor&, const Tensor&, const Tensor&, int64_t, const Tensor&,
      const Tensor&)>
      result("gm::linear_attention_backward");
  return result;
}

const auto& linear_attention_takes() {
  static const KernelQuery<const Tensor&, int64_t> result("gm::linear_attention_takes");
  return result;
}

class LinearAttentionFunction : public KernelFunction<LinearAttentionFunction> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& to_qkv,
                        const Tensor& to_out, const Tensor& out_bias, int64_t heads) {
    auto [y, averages, log_sums] =
        linear_attention_forward_operator()(x, to_qkv, to_out, out_bias, heads);
    context->save_for_backward({x, to_qkv, to_out, averages, log_sums});
    context->saved_data["heads"] = heads;
    return y;
  }

  static variable_list gradients(AutogradContext& context, const Tensor& dy) {
    const variable_list saved = context.get_saved_variables();
    auto [dx, dto_qkv, dto_out, dout_bias] = linear_attention_backward_operator()(
        dy, saved[0], saved[1], saved[2], context.saved_data["heads"].toInt(), saved[3], saved[4]);
    return {dx, dto_qkv, dto_out, dout_bias, Tensor()};
  }
};

}  // namespace

Tensor linear_attention_plain(const Tensor& x, const Tensor& to_qkv, const Tensor& to_out,
                              const Tensor& out_bias, int64_t heads) {
  const Tensor pixels = pixels_of(x);
  const auto qkv = at::linear(pixels, matrix_of(to_qkv)).chunk(3, 2);
  Tensor q = split_heads(qkv[0], heads);
  Tensor k = split_heads(qkv[1], heads);
  const Tensor v = split_heads(qkv[2], heads) / pixels.size(1);

  q = q.softmax(3) * (1.0 / std::sqrt(static_cast<double>(q.size(3))));
  k = k.softmax(2);
  const Tensor context = at::matmul(k.transpose(2, 3), v);
  const Tensor out = join_heads(at::matmul(q, context));
  return images_of(at::linear(out, matrix_of(to_out), out_bias), x);
}

Tensor linear_attention(const Tensor& x, const Tensor& to_qkv, const Tensor& to_out,
                        const Tensor& out_bias, int64_t heads) {
  if (!linear_attention_takes()(x, to_out, heads)) {
    return linear_attention_plain(x, to_qkv, to_out, out_bias, heads);
  }
  check_attention(x, to_qkv, to_out, out_bias, heads);
  return LinearAttentionFunction::apply(x, to_qkv, to_out, out_bias, heads);
}

}  // namespace gm::ops
