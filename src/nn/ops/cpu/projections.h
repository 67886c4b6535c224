/// Shared code of both attentions on the CPU: sizes, and the projections in the layout for
/// products.
#pragma once

#include <ATen/ATen.h>

#include "nn/ops/cpu/transpose_of.h"

namespace gm::ops::GM_KERNEL_SET {

struct AttentionShape {
  /// For images `x` [N,C,H,W] and the output projection [C,D,1,1].
  AttentionShape(const at::Tensor& x, const at::Tensor& to_out, int64_t head_count)
      : pixels(x.size(2) * x.size(3)),
        channels(x.size(1)),
        heads(head_count),
        head_channels(to_out.size(1) / head_count) {}

  int64_t pixels;    // P
  int64_t channels;  // C
  int64_t heads;
  int64_t head_channels;  // d

  int64_t width() const { return heads * head_channels; }  // D
  /// Floats of an image.
  int64_t image_size() const { return pixels * channels; }
};

/// The projections from C channels to q, k and v of D channels each, and from D back to C. Includes
/// their transposes, because both forms are right factors of products.
struct Projections {
  /// From the weights [3*D,C,1,1] and [C,D,1,1].
  Projections(const at::Tensor& to_qkv, const at::Tensor& to_out)
      : qkv(to_qkv.flatten(1).contiguous()),
        qkv_transposed(transpose_of(qkv)),
        out(to_out.flatten(1).contiguous()),
        out_transposed(transpose_of(out)) {}

  at::Tensor qkv;             // [3*D,C]
  at::Tensor qkv_transposed;  // [C,3*D]
  at::Tensor out;             // [C,D]
  at::Tensor out_transposed;  // [D,C]
};

/// The gradients of the weights, summed over one share of the images.
struct AttentionGradients {
  float* qkv;             // [3*D,C]
  float* out_transposed;  // [D,C]
  float* bias;            // [C]
};

/// The gradients of all shares.
class SharedAttentionGradients {
 public:
  SharedAttentionGradients(int64_t shares, const AttentionShape& shape, const at::Tensor& like)
      : qkv_(at::zeros({shares, 3 * shape.width(), shape.channels}, like.options())),
        out_(at::zeros({shares, shape.width(), shape.channels}, like.options())),
        bias_(at::zeros({shares, shape.channels}, like.options())) {}

  AttentionGradients of(int64_t share) const {
    return {qkv_.mutable_data_ptr<float>() + share * qkv_.stride(0),
            out_.mutable_data_ptr<float>() + share * out_.stride(0),
            bias_.mutable_data_ptr<float>() + share * bias_.stride(0)};
  }

  // The sums over all shares: [3*D,C,1,1], [C,D,1,1] and [C].
  at::Tensor qkv() const { return qkv_.sum(0).unsqueeze(2).unsqueeze(3); }
  at::Tensor out() const { return out_.sum(0).t().contiguous().unsqueeze(2).unsqueeze(3); }
  at::Tensor bias() const { return bias_.sum(0); }

 private:
  at::Tensor qkv_, out_, bias_;
};

}  // namespace gm::ops::GM_KERNEL_SET
